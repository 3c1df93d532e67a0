//! Guests across clusters: what the clusters list, joined with what bnna has recorded; power; destruction; adoption; names.

mod adopt;
mod destroy;
mod domains;
mod find;
mod joined;
mod list;
mod power;

pub use adopt::{Adopt as AdoptInstance, AdoptInstanceRequest};
pub use destroy::Destroy;
pub use find::Found;
pub use joined::Joined;
pub(crate) use joined::Last;
pub use list::InstanceFilter;
pub use power::PowerRequest;
