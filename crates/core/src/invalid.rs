//! What is wrong with a value somebody sent: which field, and what it must look like.

/// A value that breaks a rule of the domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field as the API names it.
    pub field: &'static str,
    /// What is wrong and what is expected instead.
    pub message: String,
}

impl Invalid {
    /// Names the field and what it must look like.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}
