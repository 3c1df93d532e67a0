//! Persistence of bnna: one writer, many readers, migrations
