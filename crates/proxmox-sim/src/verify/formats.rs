//! The registered formats and their texts (what follows `invalid format - `).
//!
//! A format that is not known here accepts everything: a wrong refusal would be worse than a missing one. To add one, write a
//! function `fn(&str) -> Result<(), String>` whose error ends in a newline, and name it in `check_named`.

use super::Format;

/// Checks a value against a format.
///
/// # Errors
/// The text, newline included where the real one has it.
pub fn check(format: &Format, value: &str, path: &str) -> Result<(), String> {
    let name = match format {
        Format::Properties(properties) => return properties.parse(value, path).map(|_| ()),
        Format::Named(name) => name.as_str(),
    };
    if let Some(element) = name.strip_suffix("-list") {
        let element = element.strip_suffix("-a").unwrap_or(element);
        return crate::api::split_list(value).try_for_each(|part| check_named(element, part));
    }
    if let Some(element) = name.strip_suffix("-opt") {
        return if value.is_empty() || value == "0" { Ok(()) } else { check_named(element, value) };
    }
    check_named(name, value)
}

fn check_named(name: &str, value: &str) -> Result<(), String> {
    match name {
        "pve-userid" => verify_userid(value).map(|_| ()),
        "pve-groupid" => named(value, "group", value.bytes().all(is_name_byte)),
        "pve-roleid" => named(value, "role", value.bytes().all(is_name_byte)),
        "pve-realm" => realm(value),
        "pve-tokenid" => tokenid(value),
        "pve-poolid" => poolid(value),
        "pve-vmid" => vmid(value),
        "pve-node" => node(value),
        "pve-configid" => configid(value),
        "pve-storage-id" => storage_id(value),
        "pve-priv" => privilege(value),
        "email" => email(value),
        other => super::guest_formats::check(other, value)
            .or_else(|| super::network_formats::check(other, value))
            .unwrap_or(Ok(())),
    }
}

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')
}

fn named(value: &str, what: &str, fits: bool) -> Result<(), String> {
    if fits && !value.is_empty() {
        return Ok(());
    }
    Err(format!("{what} name '{value}' contains invalid characters\n"))
}

/// Takes a user id apart into user and realm.
///
/// # Errors
/// What the real one dies with, without the newline.
pub fn split_userid(value: &str) -> Result<(&str, &str), String> {
    let length = value.chars().count();
    if length < 3 {
        return Err(format!("user name '{value}' is too short"));
    }
    if length > 64 {
        return Err(format!("user name '{value}' is too long ({length} > 64)"));
    }
    match value.rsplit_once('@') {
        Some((user, realm))
            if !user.is_empty()
                && user.chars().all(|c| !c.is_whitespace() && c != ':' && c != '/' && !c.is_control())
                && !user.contains('!')
                && is_realm(realm) =>
        {
            Ok((user, realm))
        }
        _ => Err(format!("value '{value}' does not look like a valid user name")),
    }
}

/// A user id, `name@realm`.
///
/// # Errors
/// The text with its newline.
pub fn verify_userid(value: &str) -> Result<(), String> {
    split_userid(value).map(|_| ()).map_err(|text| text + "\n")
}

fn is_realm(value: &str) -> bool {
    value.len() >= 2 && value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.bytes().all(is_name_byte)
}

fn realm(value: &str) -> Result<(), String> {
    if is_realm(value) { Ok(()) } else { Err("value does not look like a valid realm\n".to_owned()) }
}

fn tokenid(value: &str) -> Result<(), String> {
    let valid = value.split_once('!').is_some_and(|(user, name)| {
        split_userid(user).is_ok()
            && name.len() >= 2
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(is_name_byte)
    });
    if valid { Ok(()) } else { Err(format!("value '{value}' does not look like a valid token ID\n")) }
}

fn poolid(value: &str) -> Result<(), String> {
    let parts: Vec<&str> = value.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || !part.bytes().all(is_name_byte)) {
        return Err(format!("pool name '{value}' contains invalid characters\n"));
    }
    if parts.len() > 3 {
        return Err(format!("pool name '{value}' nested too deeply (max levels = 3)\n"));
    }
    Ok(())
}

fn vmid(value: &str) -> Result<(), String> {
    let valid =
        value.len() <= 9 && value.len() >= 3 && !value.starts_with('0') && value.bytes().all(|b| b.is_ascii_digit());
    if valid { Ok(()) } else { Err("value does not look like a valid VM ID\n".to_owned()) }
}

fn node(value: &str) -> Result<(), String> {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let valid = !value.is_empty() && value.bytes().all(inner) && !value.starts_with('-') && !value.ends_with('-');
    if valid { Ok(()) } else { Err("value does not look like a valid node name\n".to_owned()) }
}

fn configid(value: &str) -> Result<(), String> {
    let valid = value.len() >= 2
        && value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if valid { Ok(()) } else { Err(format!("invalid configuration ID '{value}'\n")) }
}

fn storage_id(value: &str) -> Result<(), String> {
    if value.chars().count() < 2 {
        return Err(format!("storage ID '{value}' cannot be shorter than 2 characters\n"));
    }
    let valid = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.bytes().all(is_name_byte)
        && value.ends_with(|c: char| c.is_ascii_alphanumeric());
    if valid { Ok(()) } else { Err(format!("storage ID '{value}' contains illegal characters\n")) }
}

fn privilege(value: &str) -> Result<(), String> {
    if proxmox_client::permissions::pve9::PRIVILEGES.contains(&value) {
        return Ok(());
    }
    Err(format!("invalid privilege '{value}'\n"))
}

fn email(value: &str) -> Result<(), String> {
    let valid = value.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b))
            && !host.is_empty()
            && host
                .split('.')
                .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
    });
    if valid { Ok(()) } else { Err("value does not look like a valid email address\n".to_owned()) }
}
