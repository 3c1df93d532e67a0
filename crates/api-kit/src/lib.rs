//! What every API façade shares: envelope, errors, authentication, routes with their access, OpenAPI
