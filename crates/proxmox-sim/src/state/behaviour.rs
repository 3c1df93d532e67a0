//! What the simulated machines can and cannot do, as far as real ones differ.

use serde::{Deserialize, Serialize};

/// Properties of the machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Behaviour {
    /// How often a node tells the others about its guests and storages, milliseconds; until then lists of the whole cluster show the
    /// past. 0 shows the present.
    pub telling_interval_ms: i64,
    /// How long the others count in a node that fell silent, milliseconds. 0 notices at once.
    pub token_timeout_ms: i64,
    /// EFI firmware images are installed.
    pub efi_firmware: bool,
    /// Memory of running containers can be changed.
    pub container_cgroups: bool,
    /// QEMU can save the memory of a VM.
    pub ram_state: bool,
    /// The file system that directories lie on.
    pub filesystem: String,
    /// A guest's network connections can go along when it moves.
    pub dbus_vmstate: bool,
    /// The HA manager is there and acts on requests.
    pub ha_manager: bool,
    /// There is an init system that knows the state of services.
    pub init_system: bool,
    /// Virtual machines whose configuration says that they have a guest agent have one that answers.
    pub guest_agents: bool,
    /// Names that are not known are refused by a resolver that does not answer, rather than by one that does.
    pub resolver_down: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            telling_interval_ms: 10_000,
            token_timeout_ms: 0,
            efi_firmware: true,
            container_cgroups: true,
            ram_state: true,
            filesystem: "ext4".to_owned(),
            dbus_vmstate: true,
            ha_manager: true,
            init_system: true,
            guest_agents: true,
            resolver_down: false,
        }
    }
}

impl Behaviour {
    /// The machines on which the recorded conversations took place: small ones, without firmware images, control groups of their own,
    /// guest agents and a resolver.
    #[must_use]
    pub fn recording_lab() -> Self {
        Self {
            token_timeout_ms: 3_650,
            efi_firmware: false,
            container_cgroups: false,
            ram_state: false,
            filesystem: "overlay".to_owned(),
            dbus_vmstate: false,
            ha_manager: false,
            init_system: false,
            guest_agents: false,
            resolver_down: true,
            ..Self::default()
        }
    }
}
