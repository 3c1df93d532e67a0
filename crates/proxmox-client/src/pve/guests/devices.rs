//! Property strings of guests' options, each a type.

use std::collections::BTreeSet;
use std::fmt;

use crate::ids::path_segment;
use crate::params::words;
use crate::property::{PropertyString, TextValue, properties};

words! {
    /// The model of a virtual machine's network device.
    pub enum NicModel {
        /// virtio.
        Virtio = "virtio",
        /// Intel E1000.
        E1000 = "e1000",
        /// Intel E1000E.
        E1000e = "e1000e",
        /// Realtek.
        Rtl8139 = "rtl8139",
        /// VMware's.
        Vmxnet3 = "vmxnet3",
    }
}

/// Keys of a network device that are not models.
const NIC_KEYS: &[&str] =
    &["bridge", "firewall", "tag", "trunks", "rate", "mtu", "queues", "link_down", "macaddr", "model"];

properties! {
    /// A network device of a virtual machine. The model is the key of the MAC address.
    pub struct QemuNet {
        /// Bridge or vnet it is on.
        bridge / with_bridge: String = "bridge",
        /// Whether the firewall sees it.
        firewall / with_firewall: bool = "firewall",
        /// VLAN.
        tag / with_tag: u16 = "tag",
        /// VLANs passed through, joined by semicolons.
        trunks / with_trunks: String = "trunks",
        /// Limit, MB/s.
        rate / with_rate: f64 = "rate",
        /// MTU; 1 is the bridge's.
        mtu / with_mtu: u32 = "mtu",
        /// Queues.
        queues / with_queues: u8 = "queues",
        /// Whether the link is down.
        link_down / with_link_down: bool = "link_down",
    }

    /// A network device of a container.
    pub struct LxcNet {
        /// Its name in the container (`eth0`).
        name / with_name: String = "name",
        /// Bridge or vnet it is on.
        bridge / with_bridge: String = "bridge",
        /// MAC address; made up unless set.
        hwaddr / with_hwaddr: String = "hwaddr",
        /// `dhcp`, `manual`, or an address with prefix length.
        ip / with_ip: String = "ip",
        /// Gateway.
        gw / with_gw: String = "gw",
        /// `dhcp`, `auto`, `manual`, or an address with prefix length.
        ip6 / with_ip6: String = "ip6",
        /// Gateway for IPv6.
        gw6 / with_gw6: String = "gw6",
        /// Whether the firewall sees it.
        firewall / with_firewall: bool = "firewall",
        /// VLAN.
        tag / with_tag: u16 = "tag",
        /// VLANs passed through, joined by semicolons.
        trunks / with_trunks: String = "trunks",
        /// Limit, MB/s.
        rate / with_rate: f64 = "rate",
        /// MTU.
        mtu / with_mtu: u32 = "mtu",
        /// Whether the link is down.
        link_down / with_link_down: bool = "link_down",
        /// Kind (`veth`).
        kind / with_kind: String = "type",
    }

    /// A disk or CD drive of a virtual machine.
    pub struct Disk {
        /// Size (`32G`). Read back only: what to allocate stands in the source.
        size / with_size: String = "size",
        /// Format (`raw`, `qcow2`).
        format / with_format: String = "format",
        /// Cache mode.
        cache / with_cache: String = "cache",
        /// Whether freed blocks are given back: `on`, `ignore`.
        discard / with_discard: String = "discard",
        /// Whether it has a thread of its own.
        iothread / with_iothread: bool = "iothread",
        /// Whether it says that it is an SSD.
        ssd / with_ssd: bool = "ssd",
        /// Whether backups include it.
        backup / with_backup: bool = "backup",
        /// Whether replication includes it.
        replicate / with_replicate: bool = "replicate",
        /// Whether it is read-only.
        ro / with_ro: bool = "ro",
        /// `cdrom` or `disk`.
        media / with_media: String = "media",
        /// Serial number it shows.
        serial / with_serial: String = "serial",
        /// A volume to copy it from.
        import_from / with_import_from: String = "import-from",
        /// Most reads a second.
        iops_rd / with_iops_rd: u64 = "iops_rd",
        /// Most writes a second.
        iops_wr / with_iops_wr: u64 = "iops_wr",
        /// Most MB read a second.
        mbps_rd / with_mbps_rd: f64 = "mbps_rd",
        /// Most MB written a second.
        mbps_wr / with_mbps_wr: f64 = "mbps_wr",
    }

    /// A container's root file system or mount point.
    pub struct MountPoint {
        /// Where in the container (not for `rootfs`).
        mp / with_mp: String = "mp",
        /// Size (`8G`). Read back only: what to allocate stands in the source.
        size / with_size: String = "size",
        /// Whether backups include it.
        backup / with_backup: bool = "backup",
        /// Whether replication includes it.
        replicate / with_replicate: bool = "replicate",
        /// Whether it is read-only.
        ro / with_ro: bool = "ro",
        /// Whether disk quotas work in it.
        quota / with_quota: bool = "quota",
        /// Whether ACLs work in it.
        acl / with_acl: bool = "acl",
        /// Whether it is the same on all nodes.
        shared / with_shared: bool = "shared",
        /// Mount options, joined by semicolons.
        mountoptions / with_mountoptions: String = "mountoptions",
    }

    /// What a container may do beyond the usual.
    pub struct Features {
        /// Run containers itself.
        nesting / with_nesting: bool = "nesting",
        /// Use the kernel's keys.
        keyctl / with_keyctl: bool = "keyctl",
        /// Mount FUSE file systems.
        fuse / with_fuse: bool = "fuse",
        /// Make device nodes.
        mknod / with_mknod: bool = "mknod",
        /// Mount these file systems, joined by semicolons.
        mount / with_mount: String = "mount",
    }

    /// The guest agent.
    pub struct Agent {
        /// Whether disks that were copied are trimmed.
        fstrim_cloned_disks / with_fstrim_cloned_disks: bool = "fstrim_cloned_disks",
        /// Whether file systems are frozen for backups.
        freeze_fs / with_freeze_fs: bool = "freeze-fs-on-backup",
        /// `virtio` or `isa`.
        kind / with_kind: String = "type",
    }

    /// The order of devices to start from.
    pub struct Boot {
        /// Devices, joined by semicolons.
        order / with_order: String = "order",
        /// In the old form, letters.
        legacy / with_legacy: String = "legacy",
    }

    /// When a guest is started and stopped with its node.
    pub struct Startup {
        /// Lower is started earlier and stopped later.
        order / with_order: u32 = "order",
        /// Seconds to wait after starting it.
        up / with_up: u32 = "up",
        /// Seconds to wait for it to stop.
        down / with_down: u32 = "down",
    }

    /// Addresses that cloud-init gives to a network device.
    pub struct CloudInitNet {
        /// `dhcp`, or an address with prefix length.
        ip / with_ip: String = "ip",
        /// Gateway; needs an address.
        gw / with_gw: String = "gw",
        /// `dhcp`, `auto`, or an address with prefix length.
        ip6 / with_ip6: String = "ip6",
        /// Gateway for IPv6; needs an address.
        gw6 / with_gw6: String = "gw6",
    }

    /// The display of a virtual machine.
    pub struct Vga {
        /// Memory, MiB.
        memory / with_memory: u32 = "memory",
        /// Kind (`std`, `virtio`, `serial0`, `none`), when it is given with its key.
        kind / with_kind: String = "type",
        /// What the clipboard goes through (`vnc`).
        clipboard / with_clipboard: String = "clipboard",
    }

    /// A USB device.
    pub struct Usb {
        /// Port or id of the host's device, or `spice`.
        host / with_host: String = "host",
        /// Name of a mapping.
        mapping / with_mapping: String = "mapping",
        /// Whether it is USB 3.
        usb3 / with_usb3: bool = "usb3",
    }
}

impl QemuNet {
    /// A device on a bridge, with a MAC address made up by the server.
    #[must_use]
    pub fn on(model: &NicModel, bridge: &str) -> Self {
        let mut pairs = PropertyString::new();
        pairs.set_bare(model.as_str());
        pairs.set("bridge", bridge);
        Self(pairs)
    }

    /// The model, and the MAC address when there is one.
    #[must_use]
    pub fn model(&self) -> Option<(NicModel, Option<&str>)> {
        if let Some(model) = self.0.get("model") {
            return Some((NicModel::from(model), self.0.get("macaddr")));
        }
        if let Some(bare) = self.0.bare() {
            return Some((NicModel::from(bare), self.0.get("macaddr")));
        }
        let (key, mac) =
            self.0.iter().find_map(|(key, value)| Some((key.filter(|key| !NIC_KEYS.contains(key))?, value)))?;
        let looks_like_mac = mac.len() == 17 && mac.split(':').count() == 6;
        looks_like_mac.then(|| (NicModel::from(key), Some(mac)))
    }

    /// The same with another MAC address.
    #[must_use]
    pub fn with_mac(mut self, mac: &str) -> Self {
        let model = self.model().map_or(NicModel::Virtio, |(model, _)| model);
        let in_place = self.0.get("model").is_none() && self.0.rename(model.as_str(), model.as_str(), mac.to_owned());
        if !in_place {
            if self.0.get("model").is_some() {
                self.0.set("macaddr", mac);
            } else {
                let mut pairs = PropertyString::new();
                for (key, value) in self.0.iter().filter(|(key, _)| key.is_some()) {
                    pairs.set(key.unwrap_or_default(), value);
                }
                pairs.insert_first(model.as_str(), mac.to_owned());
                self.0 = pairs;
            }
        }
        self
    }
}

impl Disk {
    /// A new volume of `gib` GiB on `storage`.
    #[must_use]
    pub fn allocate(storage: &str, gib: u32) -> Self {
        Self::source(format!("{storage}:{gib}"))
    }

    /// A volume that is there.
    #[must_use]
    pub fn volume(volume: &crate::ids::VolumeId) -> Self {
        Self::source(volume.as_str())
    }

    /// The drive that cloud-init reads.
    #[must_use]
    pub fn cloud_init(storage: &str) -> Self {
        Self::source(format!("{storage}:cloudinit"))
    }

    /// A CD drive with nothing in it.
    #[must_use]
    pub fn empty_drive() -> Self {
        Self::source("none").with_media("cdrom".to_owned())
    }

    fn source(text: impl Into<String>) -> Self {
        let mut pairs = PropertyString::new();
        pairs.set_bare(text);
        Self(pairs)
    }

    /// What stands first: a volume, `STORAGE:GIB` for a new one, `none`.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.0.bare().or_else(|| self.0.get("file"))
    }
}

impl MountPoint {
    /// A new volume of `gib` GiB on `storage`.
    #[must_use]
    pub fn allocate(storage: &str, gib: u32) -> Self {
        let mut pairs = PropertyString::new();
        pairs.set_bare(format!("{storage}:{gib}"));
        Self(pairs)
    }

    /// A volume that is there.
    #[must_use]
    pub fn volume(volume: &crate::ids::VolumeId) -> Self {
        let mut pairs = PropertyString::new();
        pairs.set_bare(volume.as_str());
        Self(pairs)
    }

    /// What stands first: a volume, `STORAGE:GIB` for a new one, a directory of the node.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.0.bare().or_else(|| self.0.get("volume"))
    }
}

impl LxcNet {
    /// A device of this name on a bridge.
    #[must_use]
    pub fn on(name: &str, bridge: &str) -> Self {
        Self::default().with_name(name.to_owned()).with_bridge(bridge.to_owned())
    }
}

impl Agent {
    /// Switched on or off, everything else as the server likes.
    #[must_use]
    pub fn switched(on: bool) -> Self {
        let mut pairs = PropertyString::new();
        pairs.set_bare(u8::from(on).to_string());
        Self(pairs)
    }

    /// Whether it is switched on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.bare().or_else(|| self.0.get("enabled")).and_then(bool::read).unwrap_or_default()
    }
}

impl Boot {
    /// From these devices, in order.
    #[must_use]
    pub fn from_devices(devices: &[&str]) -> Self {
        Self::default().with_order(devices.join(";"))
    }

    /// The devices, in order.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.order().map(|order| order.split(';').map(str::to_owned).collect()).unwrap_or_default()
    }
}

/// Memory of a virtual machine in MiB: a number, or since PVE 8.1 a property string with a number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory(pub u64);

impl TextValue for Memory {
    fn read(text: &str) -> Option<Self> {
        text.strip_prefix("current=").unwrap_or(text).parse().ok().map(Self)
    }
    fn write(&self) -> String {
        self.0.to_string()
    }
}

/// Tags, joined by semicolons on the wire; written in the order of the alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(pub BTreeSet<String>);

impl TextValue for Tags {
    fn read(text: &str) -> Option<Self> {
        Some(Self(text.split([';', ',', ' ']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()))
    }
    fn write(&self) -> String {
        self.0.iter().map(String::as_str).collect::<Vec<_>>().join(";")
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write())
    }
}

/// Public keys for cloud-init, one a line. The option's text is percent-encoded once more than other options.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshKeys(pub Vec<String>);

impl TextValue for SshKeys {
    fn read(text: &str) -> Option<Self> {
        let plain = percent_encoding::percent_decode_str(text).decode_utf8().ok()?;
        Some(Self(plain.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()))
    }
    fn write(&self) -> String {
        path_segment(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_model_is_the_key_of_the_mac() {
        let net: QemuNet = "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1".parse().unwrap();
        assert_eq!(net.model(), Some((NicModel::Virtio, Some("BC:24:11:00:00:01"))));
        assert_eq!(
            net.clone().with_mac("BC:24:11:00:00:02").to_string(),
            "virtio=BC:24:11:00:00:02,bridge=vmbr0,firewall=1"
        );
        let new = QemuNet::on(&NicModel::E1000, "vmbr0").with_tag(5);
        assert_eq!(new.to_string(), "e1000,bridge=vmbr0,tag=5");
        assert_eq!(new.with_mac("BC:24:11:00:00:03").to_string(), "e1000=BC:24:11:00:00:03,bridge=vmbr0,tag=5");
        let long: QemuNet = "model=virtio,macaddr=BC:24:11:00:00:01,bridge=b".parse().unwrap();
        assert_eq!(long.model(), Some((NicModel::Virtio, Some("BC:24:11:00:00:01"))));
    }

    #[test]
    fn disks_and_mount_points() {
        assert_eq!(Disk::allocate("local", 8).with_iothread(true).to_string(), "local:8,iothread=1");
        assert_eq!(Disk::empty_drive().to_string(), "none,media=cdrom");
        let disk: Disk = "file=local:100/vm-100-disk-0.qcow2,size=32G".parse().unwrap();
        assert_eq!((disk.file(), disk.size().as_deref()), (Some("local:100/vm-100-disk-0.qcow2"), Some("32G")));
        assert_eq!(MountPoint::allocate("local", 4).with_mp("/data".to_owned()).to_string(), "local:4,mp=/data");
        assert!(Agent::switched(true).is_on() && !"enabled=0".parse::<Agent>().unwrap().is_on());
    }

    #[test]
    fn ssh_keys_are_encoded_before_the_form_encodes_them() {
        let keys = SshKeys(vec!["ssh-ed25519 AAAA+x a@b".to_owned(), "ssh-rsa B".to_owned()]);
        assert_eq!(keys.write(), "ssh-ed25519%20AAAA%2Bx%20a%40b%0Assh-rsa%20B");
        assert_eq!(SshKeys::read(&keys.write()), Some(keys));
    }

    #[test]
    fn memory_in_both_forms() {
        assert_eq!((Memory::read("512"), Memory::read("current=512")), (Some(Memory(512)), Some(Memory(512))));
    }

    proptest! {
        #[test]
        fn devices_round_trip(tag: u16, firewall: bool, bridge in "[a-z][a-z0-9]{1,8}", mtu in 1u32..65520) {
            let net = LxcNet::on("eth0", &bridge).with_tag(tag).with_firewall(firewall).with_mtu(mtu);
            let read: LxcNet = net.to_string().parse().unwrap();
            prop_assert_eq!((read.tag(), read.firewall(), read.bridge(), read.mtu()), (Some(tag), Some(firewall), Some(bridge), Some(mtu)));
            prop_assert_eq!(read, net);
        }
        #[test]
        fn tags_round_trip(tags in proptest::collection::btree_set("[a-z0-9_-]{1,6}", 0..5)) {
            let tags = Tags(tags);
            prop_assert_eq!(Tags::read(&tags.write()), Some(tags));
        }
    }
}
