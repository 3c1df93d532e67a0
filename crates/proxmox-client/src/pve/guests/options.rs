//! The options of guests: text by name, with a typed reader and writer for each that is known.

use std::collections::BTreeMap;

use super::devices::{
    Agent, Boot, CloudInitNet, Disk, Features, LxcNet, Memory, MountPoint, QemuNet, SshKeys, Startup, Tags, Usb, Vga,
};
use crate::call::Param;
use crate::params::{Kind, words};
use crate::property::{PropertyString, TextValue};

/// Options of one kind of guest.
pub trait Options: Default + Clone + Send + Sync {
    /// All of them by name.
    fn entries(&self) -> &BTreeMap<String, String>;
    /// All of them by name, to change.
    fn entries_mut(&mut self) -> &mut BTreeMap<String, String>;
    /// The known ones.
    fn describe() -> Vec<Param>;
    /// Options that are known, and whose text their types cannot read or would write with another meaning.
    fn misread(&self) -> Vec<String>;
}

/// Whether a type reads `text` and what it writes reads the same again.
fn survives<T: TextValue>(text: &str) -> bool {
    T::read(text).is_some_and(|value| {
        let written = value.write();
        T::read(&written).is_some_and(|again| again.write() == written)
    })
}

macro_rules! options {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$doc:meta])* $get:ident / $set:ident: $type:ty = $wire:literal,)*
    } numbered {
        $($(#[$ndoc:meta])* $nget:ident / $nset:ident / $nall:ident: $ntype:ty = $nwire:literal up to $max:literal,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name(BTreeMap<String, String>);

        impl $name {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $get(&self) -> Option<$type> {
                    self.0.get($wire).and_then(|text| <$type as TextValue>::read(text))
                }

                #[doc = concat!("Sets `", $wire, "`.")]
                pub fn $set(&mut self, value: $type) -> &mut Self {
                    self.0.insert($wire.to_owned(), TextValue::write(&value));
                    self
                }
            )*
            $(
                $(#[$ndoc])*
                #[must_use]
                pub fn $nget(&self, number: u8) -> Option<$ntype> {
                    let stem = $nwire.trim_end_matches("[n]");
                    self.0.get(&format!("{stem}{number}")).and_then(|text| <$ntype as TextValue>::read(text))
                }

                #[doc = concat!("Sets `", $nwire, "` of a number, at most ", stringify!($max), "; a greater one changes nothing and is refused with `false`.")]
                pub fn $nset(&mut self, number: u8, value: &$ntype) -> bool {
                    let stem = $nwire.trim_end_matches("[n]");
                    if u16::from(number) > $max {
                        return false;
                    }
                    self.0.insert(format!("{stem}{number}"), TextValue::write(value));
                    true
                }

                #[doc = concat!("All of `", $nwire, "` by number.")]
                #[must_use]
                pub fn $nall(&self) -> BTreeMap<u8, $ntype> {
                    let stem = $nwire.trim_end_matches("[n]");
                    let numbered = |(key, text): (&String, &String)| {
                        let number = key.strip_prefix(stem)?.parse().ok()?;
                        Some((number, <$ntype as TextValue>::read(text)?))
                    };
                    self.0.iter().filter_map(numbered).collect()
                }
            )*

            /// Any option, as text.
            #[must_use]
            pub fn raw(&self, name: &str) -> Option<&str> {
                self.0.get(name).map(String::as_str)
            }

            /// Sets any option, as text.
            pub fn set_raw(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
                self.0.insert(name.into(), value.into());
                self
            }

            /// Removes an option; what it was.
            pub fn remove(&mut self, name: &str) -> Option<String> {
                self.0.remove(name)
            }
        }

        impl Options for $name {
            fn entries(&self) -> &BTreeMap<String, String> {
                &self.0
            }
            fn entries_mut(&mut self) -> &mut BTreeMap<String, String> {
                &mut self.0
            }
            fn describe() -> Vec<Param> {
                vec![
                    $(Param { name: $wire, kind: <$type as TextValue>::KIND, required: false, choices: <$type as TextValue>::CHOICES },)*
                    $(Param { name: $nwire, kind: Kind::Text, required: false, choices: &[] },)*
                ]
            }
            fn misread(&self) -> Vec<String> {
                let mut bad = Vec::new();
                for (key, text) in &self.0 {
                    let good = match key.as_str() {
                        $($wire => survives::<$type>(text),)*
                        numbered => {
                            let stem = numbered.trim_end_matches(|c: char| c.is_ascii_digit());
                            match stem {
                                _ if stem.len() == numbered.len() => true,
                                $(_ if stem == $nwire.trim_end_matches("[n]") => survives::<$ntype>(text),)*
                                _ => true,
                            }
                        }
                    };
                    if !good {
                        bad.push(key.clone());
                    }
                }
                bad
            }
        }

        impl crate::params::Field for $name {
            const KIND: Kind = Kind::Text;
            const REQUIRED: bool = false;
            fn describe(_: &'static str) -> Vec<Param> {
                <Self as Options>::describe()
            }
            fn put(&self, _: &str, out: &mut crate::params::Params) {
                for (name, value) in &self.0 {
                    out.push(name.as_str(), value.as_str());
                }
            }
        }
    };
}

words! {
    /// Firmware of a virtual machine.
    pub enum Bios {
        /// The traditional one.
        Sea = "seabios",
        /// UEFI; wants an `efidisk0`.
        Ovmf = "ovmf",
    }

    /// What a virtual machine's operating system is, for its defaults.
    pub enum OsType {
        /// Something else.
        Unspecified = "other",
        /// Windows XP.
        WindowsXp = "wxp",
        /// Windows 2000.
        Windows2000 = "w2k",
        /// Windows Server 2003.
        Windows2003 = "w2k3",
        /// Windows Server 2008.
        Windows2008 = "w2k8",
        /// Windows Vista.
        WindowsVista = "wvista",
        /// Windows 7.
        Windows7 = "win7",
        /// Windows 8.
        Windows8 = "win8",
        /// Windows 10.
        Windows10 = "win10",
        /// Windows 11.
        Windows11 = "win11",
        /// Linux 2.4.
        Linux24 = "l24",
        /// Linux 2.6 and later.
        Linux = "l26",
        /// Solaris.
        Solaris = "solaris",
    }

    /// The controller of `scsi[n]` disks.
    pub enum ScsiHardware {
        /// LSI 53C895A.
        Lsi = "lsi",
        /// LSI 53C810.
        Lsi53c810 = "lsi53c810",
        /// One virtio controller for all.
        VirtioPci = "virtio-scsi-pci",
        /// One virtio controller each, for `iothread`.
        VirtioSingle = "virtio-scsi-single",
        /// LSI MegaRAID.
        Megasas = "megasas",
        /// VMware's.
        Pvscsi = "pvscsi",
    }

    /// How cloud-init is told.
    pub enum CloudInitType {
        /// An ISO as OpenStack makes it; for Windows.
        ConfigDrive2 = "configdrive2",
        /// An ISO as cloud-init likes it.
        NoCloud = "nocloud",
        /// OpenNebula's.
        OpenNebula = "opennebula",
    }

    /// The system in a container.
    pub enum LxcOsType {
        /// Debian.
        Debian = "debian",
        /// Devuan.
        Devuan = "devuan",
        /// Ubuntu.
        Ubuntu = "ubuntu",
        /// CentOS and its like.
        CentOs = "centos",
        /// Fedora.
        Fedora = "fedora",
        /// openSUSE.
        OpenSuse = "opensuse",
        /// Arch.
        Arch = "archlinux",
        /// Alpine.
        Alpine = "alpine",
        /// Gentoo.
        Gentoo = "gentoo",
        /// NixOS.
        NixOs = "nixos",
        /// Left alone.
        Unmanaged = "unmanaged",
    }

    /// What a container's console shows.
    pub enum ConsoleMode {
        /// A shell, without login.
        Shell = "shell",
        /// The console device.
        Console = "console",
        /// A terminal with login.
        Tty = "tty",
    }
}

macro_rules! words_are_text {
    ($($type:ty),*) => {
        $(impl TextValue for $type {
            const CHOICES: &'static [&'static str] = <$type as crate::params::Field>::CHOICES;
            fn read(text: &str) -> Option<Self> {
                Some(Self::from(text))
            }
            fn write(&self) -> String {
                self.as_str().to_owned()
            }
        })*
    };
}
words_are_text!(Bios, OsType, ScsiHardware, CloudInitType, LxcOsType, ConsoleMode);

options! {
    /// Options of a virtual machine. What is set here is sent; what a server answers with is kept, known or not.
    pub struct QemuOptions {
        /// Name.
        name / set_name: String = "name",
        /// Remark. Read back, it has a line break at its end.
        description / set_description: String = "description",
        /// Tags.
        tags / set_tags: Tags = "tags",
        /// Memory, MiB.
        memory / set_memory: Memory = "memory",
        /// Memory the balloon may shrink it to, MiB; 0 is no balloon.
        balloon / set_balloon: u64 = "balloon",
        /// Weight of memory while ballooning.
        shares / set_shares: u32 = "shares",
        /// Cores of a socket.
        cores / set_cores: u32 = "cores",
        /// Sockets.
        sockets / set_sockets: u32 = "sockets",
        /// Processors plugged in at the start.
        vcpus / set_vcpus: u32 = "vcpus",
        /// Most processors' worth of time; 0 is no limit.
        cpulimit / set_cpulimit: f64 = "cpulimit",
        /// Weight of processor time.
        cpuunits / set_cpuunits: u32 = "cpuunits",
        /// Processor model and flags.
        cpu / set_cpu: PropertyString = "cpu",
        /// Processors of the host it may run on (`0,5,8-11`).
        affinity / set_affinity: String = "affinity",
        /// Whether memory is spread over NUMA nodes.
        numa / set_numa: bool = "numa",
        /// Huge pages: `any`, `2`, `1024`.
        hugepages / set_hugepages: String = "hugepages",
        /// Whether huge pages are kept after shutdown.
        keep_hugepages / set_keep_hugepages: bool = "keephugepages",
        /// What may be plugged while it runs (`network,disk,usb`).
        hotplug / set_hotplug: String = "hotplug",
        /// Machine type (`q35`, `pc-i440fx-9.0`).
        machine / set_machine: PropertyString = "machine",
        /// Firmware.
        bios / set_bios: Bios = "bios",
        /// What the operating system is.
        ostype / set_ostype: OsType = "ostype",
        /// Whether ACPI is there.
        acpi / set_acpi: bool = "acpi",
        /// Whether hardware virtualisation is used.
        kvm / set_kvm: bool = "kvm",
        /// Whether the clock is local time.
        localtime / set_localtime: bool = "localtime",
        /// What the clock starts at.
        startdate / set_startdate: String = "startdate",
        /// Whether a pointing device for the console is there.
        tablet / set_tablet: bool = "tablet",
        /// Order of devices to start from.
        boot / set_boot: Boot = "boot",
        /// Whether it starts with the node.
        onboot / set_onboot: bool = "onboot",
        /// When in the order of starting and stopping.
        startup / set_startup: Startup = "startup",
        /// Whether it may restart; else a restart ends it.
        reboot / set_reboot: bool = "reboot",
        /// Whether the processor stands still at the start.
        freeze / set_freeze: bool = "freeze",
        /// Whether it and its disks cannot be removed.
        protection / set_protection: bool = "protection",
        /// Whether it is a template.
        template / set_template: bool = "template",
        /// The guest agent.
        agent / set_agent: Agent = "agent",
        /// The display.
        vga / set_vga: Vga = "vga",
        /// The sound device.
        audio0 / set_audio0: PropertyString = "audio0",
        /// The watchdog.
        watchdog / set_watchdog: PropertyString = "watchdog",
        /// The random number generator.
        rng0 / set_rng0: PropertyString = "rng0",
        /// Shared memory between guests.
        ivshmem / set_ivshmem: PropertyString = "ivshmem",
        /// Keyboard layout of the console.
        keyboard / set_keyboard: String = "keyboard",
        /// Extras of the SPICE console.
        spice_enhancements / set_spice_enhancements: PropertyString = "spice_enhancements",
        /// The controller of `scsi[n]` disks.
        scsihw / set_scsihw: ScsiHardware = "scsihw",
        /// Disk of the UEFI's variables.
        efidisk0 / set_efidisk0: Disk = "efidisk0",
        /// Disk of the TPM's state.
        tpmstate0 / set_tpmstate0: Disk = "tpmstate0",
        /// AMD's memory encryption.
        amd_sev / set_amd_sev: PropertyString = "amd-sev",
        /// What firmware tables say of the machine.
        smbios1 / set_smbios1: PropertyString = "smbios1",
        /// Generation id.
        vmgenid / set_vmgenid: String = "vmgenid",
        /// Storage of memory states.
        vmstatestorage / set_vmstatestorage: String = "vmstatestorage",
        /// Longest pause of a migration, seconds.
        migrate_downtime / set_migrate_downtime: f64 = "migrate_downtime",
        /// Top speed of a migration, MB/s.
        migrate_speed / set_migrate_speed: u64 = "migrate_speed",
        /// A script run at its start and stop; root@pam only.
        hookscript / set_hookscript: String = "hookscript",
        /// Arguments of the emulator; root@pam only.
        emulator_args / set_emulator_args: String = "args",
        /// How cloud-init is told.
        citype / set_citype: CloudInitType = "citype",
        /// User that cloud-init makes.
        ciuser / set_ciuser: String = "ciuser",
        /// Password of that user; read back, it is asterisks.
        cipassword / set_cipassword: String = "cipassword",
        /// Whether packages are upgraded at the first start.
        ciupgrade / set_ciupgrade: bool = "ciupgrade",
        /// Files instead of those made here.
        cicustom / set_cicustom: PropertyString = "cicustom",
        /// Public keys of that user.
        sshkeys / set_sshkeys: SshKeys = "sshkeys",
        /// Name servers, joined by blanks.
        nameserver / set_nameserver: String = "nameserver",
        /// Domain to search.
        searchdomain / set_searchdomain: String = "searchdomain",
    }
    numbered {
        /// A network device.
        net / set_net / nets: QemuNet = "net[n]" up to 31,
        /// A SCSI disk.
        scsi / set_scsi / scsis: Disk = "scsi[n]" up to 30,
        /// A virtio disk.
        virtio / set_virtio / virtios: Disk = "virtio[n]" up to 15,
        /// A SATA disk.
        sata / set_sata / satas: Disk = "sata[n]" up to 5,
        /// An IDE disk.
        ide / set_ide / ides: Disk = "ide[n]" up to 3,
        /// A disk that is not attached; removing it destroys the volume.
        unused / set_unused / unuseds: Disk = "unused[n]" up to 255,
        /// Addresses that cloud-init gives to `net[n]`.
        ipconfig / set_ipconfig / ipconfigs: CloudInitNet = "ipconfig[n]" up to 31,
        /// A PCI device of the host.
        hostpci / set_hostpci / hostpcis: PropertyString = "hostpci[n]" up to 15,
        /// A USB device.
        usb / set_usb / usbs: Usb = "usb[n]" up to 13,
        /// A serial port.
        serial / set_serial / serials: String = "serial[n]" up to 3,
        /// A parallel port.
        parallel / set_parallel / parallels: String = "parallel[n]" up to 2,
        /// A NUMA node.
        numa_node / set_numa_node / numa_nodes: PropertyString = "numa[n]" up to 7,
        /// A directory of the host.
        virtiofs / set_virtiofs / virtiofss: PropertyString = "virtiofs[n]" up to 9,
    }
}

options! {
    /// Options of a container. What is set here is sent; what a server answers with is kept, known or not.
    pub struct LxcOptions {
        /// Host name.
        hostname / set_hostname: String = "hostname",
        /// Remark. Read back, it has a line break at its end.
        description / set_description: String = "description",
        /// Tags.
        tags / set_tags: Tags = "tags",
        /// Memory, MiB.
        memory / set_memory: u64 = "memory",
        /// Swap, MiB.
        swap / set_swap: u64 = "swap",
        /// Cores; all unless set.
        cores / set_cores: u32 = "cores",
        /// Most processors' worth of time; 0 is no limit.
        cpulimit / set_cpulimit: f64 = "cpulimit",
        /// Weight of processor time.
        cpuunits / set_cpuunits: u32 = "cpuunits",
        /// Its root file system.
        rootfs / set_rootfs: MountPoint = "rootfs",
        /// What it may do beyond the usual; all but `nesting` root@pam only.
        features / set_features: Features = "features",
        /// Name servers, joined by blanks.
        nameserver / set_nameserver: String = "nameserver",
        /// Domain to search.
        searchdomain / set_searchdomain: String = "searchdomain",
        /// Time zone (`host` is the node's).
        timezone / set_timezone: String = "timezone",
        /// Whether it starts with the node.
        onboot / set_onboot: bool = "onboot",
        /// When in the order of starting and stopping.
        startup / set_startup: Startup = "startup",
        /// Whether it and its disks cannot be removed.
        protection / set_protection: bool = "protection",
        /// Whether it is a template.
        template / set_template: bool = "template",
        /// Whether its root is not the node's.
        unprivileged / set_unprivileged: bool = "unprivileged",
        /// The system in it.
        ostype / set_ostype: LxcOsType = "ostype",
        /// Architecture.
        arch / set_arch: String = "arch",
        /// Whether it has a console.
        console / set_console: bool = "console",
        /// What the console shows.
        cmode / set_cmode: ConsoleMode = "cmode",
        /// Number of terminals.
        tty / set_tty: u8 = "tty",
        /// Whether its start is logged in detail.
        debug / set_debug: bool = "debug",
        /// A script run at its start and stop; root@pam only.
        hookscript / set_hookscript: String = "hookscript",
    }
    numbered {
        /// A network device.
        net / set_net / nets: LxcNet = "net[n]" up to 31,
        /// A volume or directory mounted in it.
        mp / set_mp / mps: MountPoint = "mp[n]" up to 255,
        /// A device of the node; root@pam only.
        dev / set_dev / devs: PropertyString = "dev[n]" up to 255,
        /// A volume that is not mounted; removing it destroys the volume.
        unused / set_unused / unuseds: MountPoint = "unused[n]" up to 255,
    }
}
