//! Credentials into principals: csvauth tables, tenant tokens, sealing of secrets, limits on failures
