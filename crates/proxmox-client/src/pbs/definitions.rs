//! The datastores as they are configured: making, changing and removing them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use super::datastores::{Datastore, Datastores};
use crate::call::calls;
use crate::error::Result;
use crate::ids::{InvalidId, Upid, is_safe_id, serde_as_text};
use crate::params::{Field, Kind, Params, Repeated, Switch, params, words};
use crate::retention::Retention;
use crate::tasks::TaskHandle;

words! {
    /// Why a datastore cannot be used in every way.
    pub enum MaintenanceType {
        /// Nothing is written.
        ReadOnly = "read-only",
        /// Nothing is read either.
        Offline = "offline",
        /// It is being removed.
        Delete = "delete",
        /// It is being unmounted.
        Unmount = "unmount",
        /// What is known of its bucket is read anew (PBS 4).
        S3Refresh = "s3-refresh",
    }
}

/// Maintenance of a datastore: `type=read-only,message="…"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// Why.
    pub kind: MaintenanceType,
    /// What those who are refused are told.
    pub message: Option<String>,
}

impl fmt::Display for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = crate::property::PropertyString::new();
        match &self.message {
            None => return f.write_str(self.kind.as_str()),
            Some(message) => {
                text.set("type", self.kind.as_str());
                text.set("message", message.as_str());
            }
        }
        fmt::Display::fmt(&text, f)
    }
}

impl FromStr for Maintenance {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = |reason: &'static str| InvalidId::new("maintenance mode", text, reason);
        let pairs: crate::property::PropertyString = text.parse().map_err(|_| bad("is not a property string"))?;
        let kind = pairs.get("type").or_else(|| pairs.bare()).ok_or_else(|| bad("has no type"))?;
        if !is_safe_id(kind) {
            return Err(bad("has a type that is no word"));
        }
        Ok(Self { kind: kind.into(), message: pairs.get("message").map(str::to_owned) })
    }
}

serde_as_text!(Maintenance);

impl Field for Maintenance {
    const KIND: Kind = Kind::Text;
    fn put(&self, name: &str, out: &mut Params) {
        out.push(name, self.to_string());
    }
}

/// A datastore as it is configured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatastoreConfig {
    /// Its name.
    pub name: String,
    /// The directory it is in.
    pub path: String,
    /// Remark.
    pub comment: Option<String>,
    /// When garbage is collected (a calendar event).
    pub gc_schedule: Option<String>,
    /// When it is pruned (before PBS 4: jobs do that since).
    pub prune_schedule: Option<String>,
    /// Why it cannot be used in every way.
    pub maintenance_mode: Option<Maintenance>,
    /// Whether each backup is verified when it was made.
    #[serde(default)]
    pub verify_new: bool,
    /// How it is tuned (`chunk-order=inode`).
    pub tuning: Option<String>,
    /// The device of a removable one (PBS 4).
    pub backing_device: Option<String>,
    /// What it lies on (`type=s3,…`, PBS 4).
    pub backend: Option<String>,
    /// Whom it tells about what happens.
    pub notify_user: Option<String>,
    /// What it tells.
    pub notify: Option<String>,
    /// How it tells.
    pub notification_mode: Option<String>,
}

params! {
    /// A new datastore.
    #[derive(Debug, Clone)]
    pub struct CreateDatastore {
        /// Its name.
        name: String = "name",
        /// The directory it is in; made if it is not there.
        path: String = "path",
        /// Remark.
        comment: Option<String> = "comment",
        /// When garbage is collected (a calendar event); never unless set.
        gc_schedule: Option<String> = "gc-schedule",
        /// Whether each backup is verified when it was made.
        verify_new: Option<bool> = "verify-new",
        /// Makes a prune job for it that keeps this, at `prune_schedule`.
        keep: Retention = "",
        /// When that job runs (a calendar event).
        prune_schedule: Option<String> = "prune-schedule",
        /// How it is tuned (`chunk-order=inode`).
        tuning: Option<String> = "tuning",
        /// Whether a datastore that is in the directory already is used (PBS 4).
        reuse_datastore: Switch = "reuse-datastore",
    }

    /// A change of a datastore. What is not set stays.
    #[derive(Debug, Clone, Default)]
    pub struct UpdateDatastore {
        /// Remark.
        comment: Option<String> = "comment",
        /// When garbage is collected (a calendar event).
        gc_schedule: Option<String> = "gc-schedule",
        /// Whether each backup is verified when it was made.
        verify_new: Option<bool> = "verify-new",
        /// Why it cannot be used in every way.
        maintenance_mode: Option<Maintenance> = "maintenance-mode",
        /// How it is tuned.
        tuning: Option<String> = "tuning",
        /// Settings to remove (`comment`, `gc-schedule`, `maintenance-mode`, …).
        delete: Repeated = "delete",
        /// The state it is based on.
        digest: Option<String> = "digest",
    }

    /// How to remove a datastore.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct DeleteDatastore {
        /// Whether all backups in it are removed too.
        destroy_data: Switch = "destroy-data",
        /// Whether jobs about it stay.
        keep_job_configs: Switch = "keep-job-configs",
    }
}

impl CreateDatastore {
    /// In this directory, everything else as the server likes.
    #[must_use]
    pub fn new(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            comment: None,
            gc_schedule: None,
            verify_new: None,
            keep: Retention::everything(),
            prune_schedule: None,
            tuning: None,
            reuse_datastore: Switch::Off,
        }
    }
}

calls! { Pbs:
    CONFIGS "datastores().configs" = Get "/config/datastore" () -> Vec<DatastoreConfig>;
    CREATE "datastores().create" = Post "/config/datastore" (CreateDatastore) -> Option<Upid>;
    CONFIG "datastore(s).config" = Get "/config/datastore/{name}" () -> DatastoreConfig;
    UPDATE "datastore(s).update" = Put "/config/datastore/{name}" (UpdateDatastore) -> ();
    DELETE "datastore(s).delete" = Delete "/config/datastore/{name}" (DeleteDatastore) -> Option<Upid>;
}

impl Datastores<'_> {
    /// The configurations that the caller may see.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn configs(&self) -> Result<Vec<DatastoreConfig>> {
        self.connection.send(&CONFIGS, &[], &()).await
    }

    /// Makes a datastore. The schema says that nothing is answered; servers answer with a task.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_existing`] when there is one of that name.
    pub async fn create(&self, params: &CreateDatastore) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&CREATE, &[], params).await?;
        Ok(upid.map(|upid| TaskHandle::new(self.connection.clone(), upid)))
    }
}

impl Datastore<'_> {
    /// How it is configured.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::Error::is_missing`] when there is none of that name.
    pub async fn config(&self) -> Result<DatastoreConfig> {
        self.connection.send(&CONFIG, &[self.name], &()).await
    }

    /// Changes its configuration.
    ///
    /// # Errors
    /// Any failure of the call; [`crate::error::Refusal::is_lost_update`] when the digest does not fit.
    pub async fn update(&self, change: &UpdateDatastore) -> Result<()> {
        self.connection.send(&UPDATE, &[self.name], change).await
    }

    /// Removes it from the configuration, and its backups only when told so.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn delete(&self, params: DeleteDatastore) -> Result<Option<TaskHandle>> {
        let upid = self.connection.send(&DELETE, &[self.name], &params).await?;
        Ok(upid.map(|upid| self.handle(upid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn maintenance_has_a_type() {
        for bad in ["", ",x", "message=a", "type=", "\"a b\""] {
            assert!(bad.parse::<Maintenance>().is_err(), "{bad}");
        }
        let mode: Maintenance = "offline".parse().unwrap();
        assert_eq!((mode.kind, mode.message), (MaintenanceType::Offline, None));
    }

    proptest! {
        #[test]
        fn maintenance_round_trips(message in proptest::option::of("[ -~ä]{1,20}"), kind in 0_usize..3) {
            let kinds = [MaintenanceType::ReadOnly, MaintenanceType::Offline, MaintenanceType::Other("x".to_owned())];
            let mode = Maintenance { kind: kinds[kind].clone(), message };
            prop_assert_eq!(mode.to_string().parse::<Maintenance>().unwrap(), mode);
        }
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Maintenance>();
        }
    }
}
