//! Names that people type: taken as they print, or refused.

use bnna_core::{AddressPlan, ClusterHost, DirectName, DisplayName, Email, SettingKey, Slug, Vmid};

pub fn names(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(slug) = Slug::parse(text) {
        assert_eq!(slug.as_str(), text);
        assert!(text.len() <= 32 && text.is_ascii(), "{text}");
    }
    if let Ok(vmid) = Vmid::parse(text) {
        assert_eq!(Vmid::parse(&vmid.to_string()).unwrap(), vmid);
    }
    if let Ok(name) = DirectName::parse(text, "a.bnna.example") {
        let names = AddressPlan::hostnames(name.address, "a.bnna.example");
        assert_eq!(if name.tls { names.tls } else { names.tcp }, text);
    }
    if let Ok(host) = ClusterHost::parse(text) {
        assert_eq!(host.as_str().parse::<ClusterHost>().unwrap(), host);
    }
    let _ = (Email::parse(text), DisplayName::parse(text), SettingKey::parse(text));
}
