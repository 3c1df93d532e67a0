//! Simulators that lack something, and what the suite has to say about each: the parts that it leaves out are named, everything else is as ever.

use std::collections::BTreeSet;

use proxmox_client::Pve;
use proxmox_client::pve::nodes::content::ContentFilter;
use proxmox_client::pve::storage::UpdateStorage;

use super::Seen;

/// What storages keep of guests.
const OF_GUESTS: [&str; 5] = ["rootdir", "images", "vztmpl", "backup", "import"];

/// A simulator as it is for one run.
pub struct Estate {
    /// What it is.
    pub what: &'static str,
    /// What its storages do not take.
    refused: &'static [&'static str],
    /// Whether its templates are removed.
    without_templates: bool,
    /// What the suite has to name as skipped.
    skipped: &'static [&'static str],
    /// What is not observed then.
    unseen: &'static [&'static [&'static str]],
}

const OF_DISKS: &[&str] = &[
    "disk grown",
    "disk imported",
    "it is a template",
    "machine with a disk made",
    "rolled back with disks",
    "size of the disk",
    "size of the imported disk",
    "snapshot with disks made",
    "snapshot with disks removed",
    "template made",
];
const OF_CONTAINERS: &[&str] =
    &["container made", "container started", "container stopped", "hostname of the container"];
const OF_BACKUPS: &[&str] = &["archives", "container backed up", "container restored", "hostname of the restored one"];

const NO_DISKS: &str = "disks of virtual machines, their snapshots and templates: no storage of this node takes disks";

/// The first has everything; what is observed on it is kept.
pub const ESTATES: [Estate; 5] = [
    Estate { what: "everything", refused: &[], without_templates: false, skipped: &[], unseen: &[] },
    Estate {
        what: "no storage for guests",
        refused: &OF_GUESTS,
        without_templates: false,
        skipped: &[NO_DISKS, "containers and their backups: no storage of this node takes containers"],
        unseen: &[OF_DISKS, OF_CONTAINERS, OF_BACKUPS],
    },
    Estate {
        what: "a storage for containers and no template",
        refused: &[],
        without_templates: true,
        skipped: &["containers and their backups: no template on any storage of this node"],
        unseen: &[OF_CONTAINERS, OF_BACKUPS],
    },
    Estate {
        what: "no storage for backups",
        refused: &["backup"],
        without_templates: false,
        skipped: &["backups: no storage of this node takes them"],
        unseen: &[OF_BACKUPS],
    },
    Estate {
        what: "no storage for disks of virtual machines",
        refused: &["images"],
        without_templates: false,
        skipped: &[NO_DISKS],
        unseen: &[OF_DISKS],
    },
];

impl Estate {
    /// Makes the simulator so.
    pub async fn prepare(&self, pve: &Pve) -> Result<(), String> {
        let described = |error: proxmox_client::Error| format!("{}: {error}", self.what);
        if self.without_templates {
            let templates = ContentFilter { content: Some("vztmpl".to_owned()), vmid: None };
            for node in pve.nodes().list().await.map_err(described)? {
                let local = pve.node(&node.node);
                for volume in local.storage("local").content(&templates).await.map_err(described)? {
                    let removed = local.storage("local").remove_volume(&volume.volid).await.map_err(described)?;
                    if let Some(task) = removed {
                        task.succeed(super::scratch::patience()).await.map_err(described)?;
                    }
                }
            }
        }
        for storage in pve.storage().list(None).await.map_err(described)? {
            let mut content: Vec<String> = storage.content.iter().cloned().collect();
            content.retain(|kind| !self.refused.contains(&kind.as_str()));
            let change = match content.is_empty() {
                true => UpdateStorage { disable: Some(true), ..UpdateStorage::default() },
                false => UpdateStorage { content, ..UpdateStorage::default() },
            };
            pve.storage().update(&storage.storage, &change).await.map_err(described)?;
        }
        Ok(())
    }

    /// Holds what the suite said against what it has to say.
    pub fn judge(&self, seen: &Seen) -> Result<(), String> {
        let (differences, unseen) = seen.observations.compare()?;
        if !differences.is_empty() {
            let why = "the simulator is not what fixtures/integration.json says; --record writes it anew";
            return Err(format!("{}: {why}", self.what));
        }
        same(self.what, "skipped", seen.skipped.iter().map(String::as_str), self.skipped.iter().copied())?;
        same(
            self.what,
            "not observed",
            unseen.iter().map(String::as_str),
            self.unseen.iter().copied().flatten().copied(),
        )
    }
}

fn same<'a>(
    estate: &str,
    what: &str,
    found: impl Iterator<Item = &'a str>,
    wanted: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let (found, wanted): (BTreeSet<&str>, BTreeSet<&str>) = (found.collect(), wanted.collect());
    if found == wanted {
        return Ok(());
    }
    Err(format!("{estate}: {what} has to be {wanted:?}, and is {found:?}"))
}
