//! What all database engines have in common: the trait, identifier types, errors and the shared test suite
