//! Suites over the whole workspace. This library holds what the suites share.
