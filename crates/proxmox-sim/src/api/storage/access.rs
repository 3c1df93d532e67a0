//! Who may use a volume: the rule that every call which names one goes by.

use crate::api::{Caller, Fault};
use crate::state::Cluster;
use crate::storage::VolumeId;

impl Cluster {
    /// Refuses a volume that the caller may not use. `vmid` is the guest it is wanted for, `content` what it has to be.
    ///
    /// # Errors
    /// The refusal: that it is a path, that its storage does not exist, that its name is none, that it is the wrong thing, or
    /// which privilege is missing.
    pub fn check_volume_access(
        &self,
        caller: &Caller,
        vmid: Option<u32>,
        volume: &str,
        content: Option<&str>,
    ) -> Result<(), Fault> {
        let Some(id) = VolumeId::parse(volume) else {
            if caller.is_root() {
                return Ok(());
            }
            return Err(Fault::die(
                "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651.",
            ));
        };
        let name = self.storages.parse(&id).map_err(Fault::die)?;
        if let Some(wanted) = content.filter(|wanted| *wanted != name.content) {
            return Err(Fault::die(format!("unable to use volume {volume} - content type needs to be '{wanted}'")));
        }
        let path = format!("/storage/{}", id.storage);
        if self.has(caller, &path, "Datastore.Allocate") {
            return Ok(());
        }
        match (name.content, name.vmid) {
            ("iso" | "vztmpl" | "import", _) => {
                self.check_any(caller, &path, &["Datastore.AllocateSpace", "Datastore.Audit"])
            }
            (_, Some(owner)) if vmid == Some(owner) => Ok(()),
            ("backup", Some(owner)) => {
                self.check(caller, &path, &["Datastore.AllocateSpace"])?;
                self.check(caller, &format!("/vms/{owner}"), &["VM.Backup"])
            }
            ("images" | "rootdir", Some(owner)) => {
                self.check(caller, &path, &["Datastore.Audit"])?;
                self.check(caller, &format!("/vms/{owner}"), &["VM.Config.Disk"])
            }
            _ => Err(Fault::die(format!("missing privileges to access {volume}"))),
        }
    }
}
