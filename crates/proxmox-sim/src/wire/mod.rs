//! From the socket to a request and back: TLS, HTTP/1.1 and the rules of the real API server.
//!
//! [`listen`] accepts connections for one address, [`pve`] applies PVE's HTTP rules, [`body`] and [`multipart`] read parameters, [`render`] writes answers,
//! [`faults`] breaks things on demand, [`admin`] lets other programs do that, [`tls`] makes certificates. Nothing here knows users or guests; the state is only locked to
//! authenticate and to dispatch.

pub mod admin;
pub mod body;
pub mod faults;
pub mod listen;
pub mod multipart;
pub mod pve;
pub mod render;
pub mod tls;
