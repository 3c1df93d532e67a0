//! The PostgreSQL adapter
