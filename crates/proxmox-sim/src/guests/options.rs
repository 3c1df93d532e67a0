//! Which options guests have, what type each is shown as, and which privilege changing it needs.

use super::GuestKind;

/// Numbered options of VMs and how many of each there are.
const QEMU_NUMBERED: &[(&str, u32)] = &[
    ("net", 32),
    ("ide", 4),
    ("scsi", 31),
    ("virtio", 16),
    ("sata", 6),
    ("unused", 256),
    ("ipconfig", 32),
    ("hostpci", 16),
    ("usb", 14),
    ("serial", 4),
    ("parallel", 3),
    ("numa", 8),
    ("virtiofs", 10),
];

/// Options of VMs without a number.
const QEMU_PLAIN: &[&str] = &[
    "acpi",
    "affinity",
    "agent",
    "allow-ksm",
    "amd-sev",
    "arch",
    "args",
    "audio0",
    "autostart",
    "balloon",
    "bios",
    "boot",
    "bootdisk",
    "cdrom",
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "cores",
    "cpu",
    "cpulimit",
    "cpuunits",
    "description",
    "efidisk0",
    "freeze",
    "hookscript",
    "hotplug",
    "hugepages",
    "intel-tdx",
    "ivshmem",
    "keephugepages",
    "keyboard",
    "kvm",
    "localtime",
    "lock",
    "machine",
    "memory",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "nameserver",
    "numa",
    "onboot",
    "ostype",
    "protection",
    "reboot",
    "rng0",
    "scsihw",
    "searchdomain",
    "shares",
    "smbios1",
    "smp",
    "sockets",
    "spice_enhancements",
    "sshkeys",
    "startdate",
    "startup",
    "tablet",
    "tags",
    "tdf",
    "template",
    "tpmstate0",
    "vcpus",
    "vga",
    "vmgenid",
    "vmstatestorage",
    "watchdog",
];

/// Numbered options of containers.
const LXC_NUMBERED: &[(&str, u32)] = &[("net", 32), ("mp", 256), ("dev", 256), ("unused", 256)];

/// Options of containers without a number.
const LXC_PLAIN: &[&str] = &[
    "arch",
    "cmode",
    "console",
    "cores",
    "cpulimit",
    "cpuunits",
    "debug",
    "description",
    "entrypoint",
    "env",
    "features",
    "hookscript",
    "hostname",
    "lock",
    "memory",
    "nameserver",
    "onboot",
    "ostype",
    "protection",
    "rootfs",
    "searchdomain",
    "startup",
    "swap",
    "tags",
    "template",
    "timezone",
    "tty",
    "unprivileged",
];

/// Options of VMs that are shown as numbers.
const QEMU_INTEGERS: &[&str] = &[
    "acpi",
    "allow-ksm",
    "autostart",
    "balloon",
    "ciupgrade",
    "cores",
    "cpuunits",
    "freeze",
    "keephugepages",
    "kvm",
    "localtime",
    "migrate_speed",
    "numa",
    "onboot",
    "protection",
    "reboot",
    "shares",
    "smp",
    "snaptime",
    "sockets",
    "tablet",
    "tdf",
    "template",
    "vcpus",
];

/// Options of containers that are shown as numbers.
const LXC_INTEGERS: &[&str] = &[
    "console",
    "cores",
    "cpuunits",
    "debug",
    "memory",
    "onboot",
    "protection",
    "snaptime",
    "swap",
    "template",
    "tty",
    "unprivileged",
];

/// Options of a running VM that take effect at once.
const QEMU_FAST: &[&str] = &[
    "lock",
    "name",
    "onboot",
    "shares",
    "startup",
    "description",
    "protection",
    "vmstatestorage",
    "hookscript",
    "tags",
    "autostart",
    "ciuser",
    "cipassword",
    "citype",
    "cicustom",
    "ciupgrade",
    "sshkeys",
    "nameserver",
    "searchdomain",
];

/// Splits a numbered option into its family and number.
#[must_use]
pub fn numbered(key: &str) -> Option<(&str, u32)> {
    let digits = key.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (family, number) = key.split_at_checked(key.len().checked_sub(digits)?)?;
    if family.is_empty() || number.is_empty() {
        return None;
    }
    Some((family, number.parse().ok()?))
}

fn in_family(key: &str, families: &[(&str, u32)]) -> bool {
    numbered(key)
        .is_some_and(|(family, number)| families.iter().any(|(name, count)| *name == family && number < *count))
}

/// Whether guests of this kind have this option.
#[must_use]
pub fn exists(kind: GuestKind, key: &str) -> bool {
    match kind {
        GuestKind::Qemu => QEMU_PLAIN.contains(&key) || in_family(key, QEMU_NUMBERED),
        GuestKind::Lxc => LXC_PLAIN.contains(&key) || in_family(key, LXC_NUMBERED),
    }
}

/// Whether the API shows this option as a number.
#[must_use]
pub fn is_integer(kind: GuestKind, key: &str) -> bool {
    match kind {
        GuestKind::Qemu => QEMU_INTEGERS.contains(&key),
        GuestKind::Lxc => LXC_INTEGERS.contains(&key),
    }
}

/// Whether a running VM takes a new value of this option at once.
#[must_use]
pub fn applies_at_once(key: &str) -> bool {
    QEMU_FAST.contains(&key) || key.starts_with("ipconfig") || key.starts_with("unused")
}

/// Whether a VM option names a drive: a disk, a CD drive, EFI variables or a TPM.
#[must_use]
pub fn is_drive(key: &str) -> bool {
    matches!(key, "efidisk0" | "tpmstate0")
        || numbered(key).is_some_and(|(family, number)| match family {
            "ide" => number < 4,
            "scsi" => number < 31,
            "virtio" => number < 16,
            "sata" => number < 6,
            _ => false,
        })
}

/// The order in which drives are looked at for booting.
pub fn boot_drive_names() -> impl Iterator<Item = String> {
    [("ide", 4), ("scsi", 31), ("virtio", 16), ("sata", 6)]
        .into_iter()
        .flat_map(|(family, count)| (0..count).map(move |number| format!("{family}{number}")))
}

/// Whether a container option names a volume.
#[must_use]
pub fn is_mount(key: &str) -> bool {
    key == "rootfs" || numbered(key).is_some_and(|(family, number)| family == "mp" && number < 256)
}

/// Whether an option holds volumes, for either kind.
#[must_use]
pub fn is_volume(kind: GuestKind, key: &str) -> bool {
    match kind {
        GuestKind::Qemu => is_drive(key),
        GuestKind::Lxc => is_mount(key),
    }
}

/// What changing an option needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing here: it depends on the value and is checked where that is looked at.
    ByValue,
    /// One privilege on the guest.
    Privilege(&'static str),
    /// One of several.
    Any(&'static [&'static str]),
    /// VM.Config.Options on the guest and Sys.Modify on `/`, because the host is affected.
    OptionsAndHost,
    /// Nobody but `root@pam`.
    Root,
}

/// What changing this option of a VM needs.
#[must_use]
pub fn qemu_needs(key: &str) -> Needs {
    if is_drive(key) {
        return Needs::ByValue;
    }
    match numbered(key).map(|(family, _)| family) {
        Some("unused" | "serial" | "usb" | "hostpci" | "virtiofs") => return Needs::ByValue,
        Some("numa") => return Needs::Privilege("VM.Config.CPU"),
        Some("net") => return Needs::Privilege("VM.Config.Network"),
        Some("ipconfig") => return Needs::Any(&["VM.Config.Cloudinit", "VM.Config.Network"]),
        _ => {}
    }
    match key {
        "cdrom" | "tags" => Needs::ByValue,
        "cores" | "cpu" | "cpulimit" | "cpuunits" | "numa" | "smp" | "sockets" | "vcpus" => {
            Needs::Privilege("VM.Config.CPU")
        }
        "memory" | "balloon" | "shares" | "allow-ksm" => Needs::Privilege("VM.Config.Memory"),
        "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios1" | "tablet" | "vga" | "watchdog" | "audio0"
        | "amd-sev" | "intel-tdx" | "rng0" => Needs::Privilege("VM.Config.HWType"),
        "startup" => Needs::OptionsAndHost,
        "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime"
        | "migrate_speed" | "name" | "onboot" | "ostype" | "protection" | "reboot" | "startdate" | "tdf"
        | "template" => Needs::Privilege("VM.Config.Options"),
        "freeze" => Needs::Privilege("VM.PowerMgmt"),
        "boot" | "bootdisk" | "vmstatestorage" => Needs::Privilege("VM.Config.Disk"),
        "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver" | "searchdomain" | "sshkeys" => {
            Needs::Any(&["VM.Config.Cloudinit", "VM.Config.Network"])
        }
        _ => Needs::Root,
    }
}

/// What changing this option of a container needs.
#[must_use]
pub fn lxc_needs(key: &str) -> Needs {
    match numbered(key).map(|(family, _)| family) {
        Some("mp" | "unused") => return Needs::ByValue,
        Some("net") => return Needs::Privilege("VM.Config.Network"),
        Some("dev") => return Needs::Root,
        _ => {}
    }
    match key {
        "rootfs" | "features" | "tags" | "hookscript" => Needs::ByValue,
        "cores" | "cpulimit" | "cpuunits" => Needs::Privilege("VM.Config.CPU"),
        "memory" | "swap" => Needs::Privilege("VM.Config.Memory"),
        "hostname" | "nameserver" | "searchdomain" => Needs::Privilege("VM.Config.Network"),
        "startup" => Needs::OptionsAndHost,
        _ => Needs::Privilege("VM.Config.Options"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_are_not_options() {
        assert!(exists(GuestKind::Qemu, "scsi30"));
        assert!(!exists(GuestKind::Qemu, "scsi31"));
        assert!(exists(GuestKind::Qemu, "audio0"));
        assert!(!exists(GuestKind::Lxc, "scsi0"));
        assert!(exists(GuestKind::Lxc, "mp255"));
    }

    #[test]
    fn only_root_sets_what_has_no_privilege() {
        assert_eq!(qemu_needs("args"), Needs::Root);
        assert_eq!(qemu_needs("lock"), Needs::Root);
        assert_eq!(qemu_needs("memory"), Needs::Privilege("VM.Config.Memory"));
        assert_eq!(qemu_needs("ciuser"), Needs::Any(&["VM.Config.Cloudinit", "VM.Config.Network"]));
    }
}
