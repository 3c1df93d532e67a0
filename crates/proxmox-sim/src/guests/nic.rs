//! Network cards of guests: what they are attached to, their addresses, and the form they are stored in.

use super::property::Property;

const QEMU_MODELS: &[&str] = &[
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
];

/// A network card of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QemuNic {
    model: String,
    /// The hardware address; a new card without one gets a random one.
    pub mac: Option<String>,
    options: Property,
}

impl QemuNic {
    /// Reads `virtio=MAC,bridge=…`, `virtio,bridge=…` or `model=virtio,macaddr=MAC,…`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut options = Property::parse(text, "model");
        let mut model = options.remove("model").unwrap_or_default();
        let mut mac = options.remove("macaddr");
        for name in QEMU_MODELS {
            if let Some(address) = options.remove(name) {
                model = (*name).to_owned();
                mac = Some(address);
            }
        }
        Self { model, mac, options }
    }

    /// The stored form.
    #[must_use]
    pub fn print(&self) -> String {
        let rest = self.options.print("", &[]);
        let head = match &self.mac {
            Some(mac) => format!("{}={mac}", self.model),
            None => self.model.clone(),
        };
        if rest.is_empty() { head } else { format!("{head},{rest}") }
    }

    /// The bridge it is attached to.
    #[must_use]
    pub fn bridge(&self) -> Option<&str> {
        self.options.get("bridge")
    }

    /// Its VLAN.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.options.get("tag")
    }

    /// VLANs passed through.
    #[must_use]
    pub fn trunks(&self) -> Option<&str> {
        self.options.get("trunks")
    }
}

/// A network card of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LxcNic(Property);

impl LxcNic {
    /// Reads `name=eth0,bridge=…`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(Property::parse(text, "name"))
    }

    /// The stored form: the name first, and always with a hardware address and the type.
    #[must_use]
    pub fn print(&self) -> String {
        self.0.print("", &["name"])
    }

    /// Fills in what the real server adds.
    pub fn complete(&mut self, random_mac: impl FnOnce() -> String) {
        if self.0.get("hwaddr").is_none() && self.bridge().is_some() {
            self.0.set("hwaddr", random_mac());
        }
        if self.0.get("type").is_none() {
            self.0.set("type", "veth");
        }
    }

    /// Gives it another hardware address.
    pub fn set_mac(&mut self, mac: String) {
        self.0.set("hwaddr", mac);
    }

    /// A key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    /// The bridge it is attached to.
    #[must_use]
    pub fn bridge(&self) -> Option<&str> {
        self.0.get("bridge")
    }
}

/// A random hardware address with the prefix of Proxmox.
#[must_use]
pub fn random_mac() -> String {
    let bytes: [u8; 3] = rand::random();
    format!("BC:24:11:{:02X}:{:02X}:{:02X}", bytes[0], bytes[1], bytes[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_becomes_the_key_of_the_address() {
        let nic = QemuNic::parse("model=e1000,macaddr=bc:24:11:aa:bb:03,bridge=vmbr0");
        assert_eq!(nic.print(), "e1000=bc:24:11:aa:bb:03,bridge=vmbr0");
        let nic = QemuNic::parse("virtio=BC:24:11:AA:BB:02,bridge=vmbr0,link_down=1,rate=10");
        assert_eq!(nic.print(), "virtio=BC:24:11:AA:BB:02,bridge=vmbr0,link_down=1,rate=10");
        assert_eq!(nic.bridge(), Some("vmbr0"));
    }

    #[test]
    fn containers_get_an_address_and_a_type() {
        let mut nic = LxcNic::parse("name=eth0,bridge=vmbr0,ip=10.9.0.5/24,gw=10.9.0.1");
        nic.complete(|| "BC:24:11:81:E6:F0".into());
        assert_eq!(nic.print(), "name=eth0,bridge=vmbr0,gw=10.9.0.1,hwaddr=BC:24:11:81:E6:F0,ip=10.9.0.5/24,type=veth");
    }
}
