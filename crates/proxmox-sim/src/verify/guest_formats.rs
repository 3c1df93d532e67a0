//! Formats of guests, storages and networks, with their texts.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Checks a value against a format of this module; `None` when the format is not one of them.
pub(super) fn check(name: &str, value: &str) -> Option<Result<(), String>> {
    let plain = |fits: bool, text: &str| if fits { Ok(()) } else { Err(format!("{text}\n")) };
    Some(match name {
        "pve-volume-id" => volume_id(value),
        "pve-volume-id-or-qm-path" | "pve-volume-id-or-absolute-path" => volume_or_path(value),
        "dns-name" => plain(is_dns_name(value), "value does not look like a valid DNS name"),
        "address" => {
            plain(is_ip(value) || is_dns_name(value), &format!("value does not look like a valid address: {value}"))
        }
        "mac-addr" => plain(is_unicast_mac(value), "value does not look like a valid unicast MAC address"),
        "urlencoded" => plain(is_url_encoded(value), &format!("invalid urlencoded string: {value}")),
        "pve-startup-order" => plain(is_startup(value), "unable to parse startup options"),
        "pve-hotplug-features" => hotplug(value),
        "pve-cpuset" => plain(is_cpu_set(value), "unable to parse cpuset option"),
        "pve-tag" => plain(is_tag(value), "invalid characters in tag"),
        "pve-bridge-id" => plain(is_word(value, "-_."), &format!("invalid bridge ID '{value}'")),
        "pve-vm-cpu-conf" => cpu(value),
        "storage-pair" => storage_pair(value),
        "ipv4" => plain(value.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid IPv4 address"),
        "ipv6" => plain(value.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid IPv6 address"),
        "ip" => plain(is_ip(value), "value does not look like a valid IP address"),
        "CIDR" => plain(is_cidr(value, true, true), "value does not look like a valid CIDR network"),
        "pve-ipv4-config" => plain(
            matches!(value, "dhcp" | "manual") || is_cidr(value, true, false),
            "value does not look like a valid ipv4 network configuration",
        ),
        "pve-ipv6-config" => plain(
            matches!(value, "auto" | "dhcp" | "manual") || is_cidr(value, false, true),
            "value does not look like a valid ipv6 network configuration",
        ),
        "lxc-ip-with-ll-iface" => {
            let address = value.split_once('%').map_or(value, |(address, _)| address);
            plain(is_ip(address), "value does not look like a valid IP address")
        }
        "pve-ct-timezone" => plain(is_time_zone(value), &format!("invalid time zone '{value}'")),
        "pve-lxc-dev-string" => plain(value.starts_with("/dev/"), &format!("{value} is not a valid device path")),
        "pve-storage-content" => plain(CONTENT.contains(&value), &format!("invalid content type '{value}'")),
        "pve-storage-path" => plain(
            value.starts_with('/') && !value.contains(['\n', '(', ')', '[', ']']),
            "value does not look like a valid absolute path",
        ),
        "pve-storage-vgname" => {
            plain(is_volume_group(value), &format!("lvm name '{value}' contains illegal characters"))
        }
        "pve-storage-server" => {
            plain(is_ip(value) || is_dns_name(value), "value does not look like a valid server name or IP address")
        }
        "pve-qm-bootdisk" => plain(crate::guests::options::is_drive(value), &format!("invalid boot disk '{value}'")),
        "pve-qm-bootdev" => plain(is_boot_device(value), &format!("invalid boot device '{value}'")),
        "pve-task-status-type" => {
            plain(matches!(value, "ok" | "error" | "warning" | "unknown"), &format!("invalid status '{value}'"))
        }
        "email-or-username" => plain(
            value.contains('@') && !value.contains(char::is_whitespace),
            "value does not look like a valid email address or user name",
        ),
        _ => return None,
    })
}

const CONTENT: &[&str] = &["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];

fn volume_id(value: &str) -> Result<(), String> {
    if crate::storage::VolumeId::parse(value).is_some() {
        Ok(())
    } else {
        Err(format!("unable to parse volume ID '{value}'\n"))
    }
}

fn volume_or_path(value: &str) -> Result<(), String> {
    let number = value.parse::<f64>().is_ok();
    if matches!(value, "none" | "cdrom") || value.starts_with('/') || number { Ok(()) } else { volume_id(value) }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_dns_name(value: &str) -> bool {
    !value.is_empty() && value.split('.').all(is_label)
}

fn is_ip(value: &str) -> bool {
    value.parse::<std::net::IpAddr>().is_ok()
}

fn is_cidr(value: &str, v4: bool, v6: bool) -> bool {
    let Some((address, prefix)) = value.split_once('/') else { return false };
    let Ok(prefix) = prefix.parse::<u8>() else { return false };
    (v4 && address.parse::<Ipv4Addr>().is_ok() && prefix <= 32)
        || (v6 && address.parse::<Ipv6Addr>().is_ok() && prefix <= 128)
}

fn is_unicast_mac(value: &str) -> bool {
    let parts: Vec<&str> = value.split(':').collect();
    let hex = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    parts.len() == 6
        && parts.iter().all(hex)
        && parts.first().is_some_and(|first| u8::from_str_radix(first, 16).is_ok_and(|byte| byte % 2 == 0))
}

fn is_url_encoded(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-%_.!~*'()".contains(&b))
}

fn is_startup(value: &str) -> bool {
    value.split(',').filter(|part| !part.trim().is_empty()).all(|part| {
        let number = part.trim();
        let number = ["order=", "up=", "down="].iter().find_map(|key| number.strip_prefix(key)).unwrap_or(number);
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn hotplug(value: &str) -> Result<(), String> {
    if matches!(value, "0" | "1") {
        return Ok(());
    }
    for feature in crate::api::split_list(value) {
        if !matches!(feature, "network" | "disk" | "cpu" | "memory" | "usb" | "cloudinit") {
            return Err(format!("invalid hotplug feature '{feature}'\n"));
        }
    }
    Ok(())
}

fn is_cpu_set(value: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    value.split(',').all(|part| match part.split_once('-') {
        Some((from, to)) => digits(from) && digits(to),
        None => digits(part),
    })
}

fn is_tag(value: &str) -> bool {
    let first = value.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(&b))
}

fn is_word(value: &str, also: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || c == '_' || also.contains(c))
}

/// Processor models that QEMU has by itself.
pub(super) const CPU_MODELS: &[&str] = &[
    "486",
    "Broadwell",
    "Broadwell-IBRS",
    "Broadwell-noTSX",
    "Broadwell-noTSX-IBRS",
    "Cascadelake-Server",
    "Cascadelake-Server-noTSX",
    "Cascadelake-Server-v2",
    "Cascadelake-Server-v4",
    "Cascadelake-Server-v5",
    "ClearwaterForest",
    "Conroe",
    "Cooperlake",
    "Cooperlake-v2",
    "EPYC",
    "EPYC-Genoa",
    "EPYC-Genoa-v2",
    "EPYC-IBPB",
    "EPYC-Milan",
    "EPYC-Milan-v2",
    "EPYC-Milan-v3",
    "EPYC-Rome",
    "EPYC-Rome-v2",
    "EPYC-Rome-v3",
    "EPYC-Rome-v4",
    "EPYC-Rome-v5",
    "EPYC-Turin",
    "EPYC-v3",
    "EPYC-v4",
    "EPYC-v5",
    "GraniteRapids",
    "GraniteRapids-v2",
    "GraniteRapids-v3",
    "Haswell",
    "Haswell-IBRS",
    "Haswell-noTSX",
    "Haswell-noTSX-IBRS",
    "Icelake-Client",
    "Icelake-Client-noTSX",
    "Icelake-Server",
    "Icelake-Server-noTSX",
    "Icelake-Server-v3",
    "Icelake-Server-v4",
    "Icelake-Server-v5",
    "Icelake-Server-v6",
    "Icelake-Server-v7",
    "IvyBridge",
    "IvyBridge-IBRS",
    "KnightsMill",
    "Nehalem",
    "Nehalem-IBRS",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Opteron_G4",
    "Opteron_G5",
    "Penryn",
    "SandyBridge",
    "SandyBridge-IBRS",
    "SapphireRapids",
    "SapphireRapids-v2",
    "SapphireRapids-v3",
    "SapphireRapids-v4",
    "SierraForest",
    "SierraForest-v2",
    "SierraForest-v3",
    "Skylake-Client",
    "Skylake-Client-IBRS",
    "Skylake-Client-noTSX-IBRS",
    "Skylake-Client-v4",
    "Skylake-Server",
    "Skylake-Server-IBRS",
    "Skylake-Server-noTSX-IBRS",
    "Skylake-Server-v4",
    "Skylake-Server-v5",
    "Westmere",
    "Westmere-IBRS",
    "athlon",
    "core2duo",
    "coreduo",
    "host",
    "kvm32",
    "kvm64",
    "max",
    "pentium",
    "pentium2",
    "pentium3",
    "phenom",
    "qemu32",
    "qemu64",
    "x86-64-v2",
    "x86-64-v2-AES",
    "x86-64-v3",
    "x86-64-v4",
];

const VM_CPU_FLAGS: &[&str] = &[
    "aes",
    "amd-no-ssb",
    "amd-ssbd",
    "hv-evmcs",
    "hv-tlbflush",
    "ibpb",
    "md-clear",
    "nested-virt",
    "pcid",
    "pdpe1gb",
    "spec-ctrl",
    "ssbd",
    "virt-ssbd",
];

fn cpu(value: &str) -> Result<(), String> {
    let property = crate::guests::property::Property::parse(value, "cputype");
    for (key, _) in property.iter() {
        if !["cputype", "flags", "hidden", "hv-vendor-id", "phys-bits", "reported-model", "guest-phys-bits"]
            .contains(&key)
        {
            let text = super::NOT_DEFINED;
            return Err(format!("format error\n{key}: {text}\n"));
        }
    }
    let model = property.get("cputype").unwrap_or_default();
    if !model.is_empty() && !model.starts_with("custom-") && !CPU_MODELS.contains(&model) {
        return Err(format!("Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)\n"));
    }
    let known = |flag: &str| flag.strip_prefix(['+', '-']).is_some_and(|name| VM_CPU_FLAGS.contains(&name));
    if property.get("flags").is_some_and(|flags| !flags.split(';').all(known)) {
        return Err(format!("VM-specific CPU flags must be a subset of: {}\n", VM_CPU_FLAGS.join(", ")));
    }
    Ok(())
}

fn storage_pair(value: &str) -> Result<(), String> {
    if value == "1" {
        return Ok(());
    }
    for id in value.splitn(2, ':') {
        super::formats::check(&super::Format::Named("pve-storage-id".into()), id, "")
            .map_err(|text| format!("entry '{value}' contains invalid ID - {text}\n\n"))?;
    }
    Ok(())
}

fn is_time_zone(value: &str) -> bool {
    const REGIONS: &[&str] = &[
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
    ];
    match value.split_once('/') {
        Some((region, place)) => REGIONS.contains(&region) && place.starts_with(|c: char| c.is_ascii_uppercase()),
        None => {
            matches!(value, "host" | "UTC" | "GMT" | "CET" | "EET" | "MET" | "WET" | "EST" | "MST" | "HST" | "Zulu")
        }
    }
}

fn is_volume_group(value: &str) -> bool {
    value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.ends_with(|c: char| c.is_ascii_alphanumeric())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_boot_device(value: &str) -> bool {
    (crate::guests::options::is_drive(value) && !matches!(value, "efidisk0" | "tpmstate0"))
        || crate::guests::options::numbered(value).is_some_and(|(family, number)| match family {
            "net" => number < 32,
            "hostpci" => number < 16,
            "usb" => number < 14,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, value: &str) -> String {
        check(name, value).and_then(Result::err).unwrap_or_default()
    }

    #[test]
    fn recorded_texts() {
        assert_eq!(
            text("storage-pair", "x"),
            "entry 'x' contains invalid ID - storage ID 'x' cannot be shorter than 2 characters\n\n\n"
        );
        assert_eq!(
            text("pve-vm-cpu-conf", "nosuchcpu"),
            "Built-in cputype 'nosuchcpu' is not defined (missing 'custom-' prefix?)\n"
        );
        assert_eq!(text("mac-addr", "01:00:00:00:00:01"), "value does not look like a valid unicast MAC address\n");
        assert_eq!(text("urlencoded", "not a key"), "invalid urlencoded string: not a key\n");
        assert_eq!(text("pve-ct-timezone", "Mars/One"), "invalid time zone 'Mars/One'\n");
        assert_eq!(text("pve-vm-cpu-conf", "cputype=host,flags=+aes;-pcid"), "");
    }
}
