//! `/api/platform/…`.

mod accounts;
mod audit;
mod clusters;
mod operations;
