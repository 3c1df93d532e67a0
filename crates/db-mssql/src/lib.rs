//! The SQL Server adapter
