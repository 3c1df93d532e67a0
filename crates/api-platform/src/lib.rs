//! The platform API of bnna
