//! Bytes that are nobody's business: sealed secrets and hashes of secrets. They print as `[redacted]`.

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes the bytes.
            #[must_use]
            pub fn new(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// The bytes, for whoever may open or compare them.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[redacted]")
            }
        }

        impl crate::sql::FromValue for $name {
            fn from_value(value: &crate::sql::Value) -> Option<Self> {
                Vec::<u8>::from_value(value).map(Self)
            }
        }

        impl From<&$name> for crate::sql::Value {
            fn from(bytes: &$name) -> Self {
                Self::Blob(bytes.0.clone())
            }
        }
    };
}

opaque!(
    /// A secret, encrypted. Only the crate that holds the key can do anything with it.
    Sealed
);
opaque!(
    /// The hash of a secret or of a body.
    Digest
);
