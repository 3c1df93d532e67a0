//! The use cases of bnna, one module a resource
