//! Sizes as guest configurations write them: `32G`, `52429K`, `0T`, and how requested sizes are rounded.

const KIB: u64 = 1024;

/// Writes a size in bytes with the largest unit that divides it; zero divides by all of them and is `0T`.
#[must_use]
pub fn format(bytes: u64) -> String {
    let mut value = bytes;
    let mut unit = "";
    for next in ["K", "M", "G", "T"] {
        if !value.is_multiple_of(KIB) {
            break;
        }
        value /= KIB;
        unit = next;
    }
    format!("{value}{unit}")
}

/// Reads `123`, `1.5G`, `1536000K`; bytes without a unit.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn parse(text: &str) -> Option<u64> {
    let (number, factor) = match text.chars().last()? {
        'K' => (text.strip_suffix('K')?, KIB),
        'M' => (text.strip_suffix('M')?, KIB * KIB),
        'G' => (text.strip_suffix('G')?, KIB * KIB * KIB),
        'T' => (text.strip_suffix('T')?, KIB * KIB * KIB * KIB),
        _ => (text, 1),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let number: f64 = number.parse().ok()?;
    if number.is_finite() && number >= 0.0 { Some((number * factor as f64) as u64) } else { None }
}

/// A number of GiB, as a new disk of a VM is asked for, in bytes: rounded up to whole KiB.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn vm_disk_bytes(gib: &str) -> Option<u64> {
    let gib: f64 = gib.parse().ok()?;
    let kib = (gib * (KIB * KIB) as f64).ceil();
    if kib.is_finite() && kib >= 0.0 { (kib as u64).checked_mul(KIB) } else { None }
}

/// A number of GiB, as a new volume of a container is asked for, in bytes: cut to whole MiB.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn ct_volume_bytes(gib: &str) -> Option<u64> {
    let gib: f64 = gib.parse().ok()?;
    let mib = (gib * KIB as f64).floor();
    if mib.is_finite() && mib >= 0.0 { (mib as u64).checked_mul(KIB * KIB) } else { None }
}

/// A size for people, as in transfer logs: `51.2 MiB`.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn human(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_sizes() {
        assert_eq!(format(vm_disk_bytes("0.05").unwrap()), "52429K");
        assert_eq!(format(vm_disk_bytes("0.1").unwrap()), "104858K");
        assert_eq!(format(vm_disk_bytes("1").unwrap()), "1G");
        assert_eq!(format(0), "0T");
        assert_eq!(format(ct_volume_bytes("0.05").unwrap()), "51M");
        assert_eq!(format(2560), "2560");
    }

    #[test]
    fn sizes_read_back() {
        assert_eq!(parse("52429K"), Some(53_687_296));
        assert_eq!(parse("1.5G"), Some(1_610_612_736));
        assert_eq!(parse("x"), None);
    }
}
