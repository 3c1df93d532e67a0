//! Nebula certificates, keys, CAs and host configuration
