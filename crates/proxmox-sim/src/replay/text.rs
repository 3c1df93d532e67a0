//! Texts with what cannot repeat taken out of them, so that two runs can be compared.

/// Replaces what cannot repeat within a text: task ids, UUIDs, digests, fingerprints, addresses, times, amounts, process numbers; and puts
/// what comes in any order into one.
pub(super) fn normalized(text: &str) -> String {
    let text = in_order(text);
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '@' | '!' | '.' | '$' | '\\') {
            run.push(c);
            continue;
        }
        // The parts of a hashed password may hold a slash.
        if c == '/' && run.starts_with("$5$") {
            run.push('x');
            continue;
        }
        out.push_str(&classified(&run));
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

/// The options of a backup's command line come in any order.
fn in_order(text: &str) -> std::borrow::Cow<'_, str> {
    let mut lines: Vec<String> = Vec::new();
    let mut changed = false;
    for line in text.split('\n') {
        let mut parts: Vec<&str> = line.split(" --").collect();
        if line.contains("starting new backup job: vzdump") && parts.len() > 2 {
            if let Some(options) = parts.get_mut(1..) {
                options.sort_unstable();
            }
            changed = true;
        }
        lines.push(parts.join(" --"));
    }
    if changed { lines.join("\n").into() } else { text.into() }
}

/// `2026-11-21`, `02:07:13`: digits at these places, and nothing else but the rest.
fn shaped(run: &str, shape: &str) -> bool {
    run.len() == shape.len()
        && run.bytes().zip(shape.bytes()).all(|(c, s)| if s == b'd' { c.is_ascii_digit() } else { c == s })
}

/// A number at the end of a word, after this: process numbers in names of temporary files.
fn numbered_after<'r>(run: &'r str, marker: &str) -> Option<&'r str> {
    let (before, number) = run.split_once(marker)?;
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| run.get(before.len() + marker.len()..before.len() + marker.len() + digits)).flatten()
}

fn classified(run: &str) -> String {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(upid) = run.strip_prefix("UPID:") {
        let parts: Vec<&str> = upid.split(':').collect();
        let node = parts.first().copied().unwrap_or_default();
        // A backup server's ids have one field more.
        let kept = if parts.len() == 9 { 5 } else { 4 };
        return format!("UPID:{node}:{}", parts.get(kept..).unwrap_or_default().join(":"));
    }
    let groups: Vec<&str> = run.split('-').collect();
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group)) {
        return "<uuid>".to_owned();
    }
    if run.starts_with("$5$") {
        return "<password>".to_owned();
    }
    if shaped(run, "dddd-dd-dd") {
        return "<date>".to_owned();
    }
    if shaped(run, "dd:dd:dd") {
        return "<time>".to_owned();
    }
    for marker in [".conf.tmp.", "vzdumptmp"] {
        if let Some(number) = numbered_after(run, marker) {
            return run.replacen(&format!("{marker}{number}"), &format!("{marker}<pid>"), 1);
        }
    }
    if is_amount(run) {
        return "<amount>".to_owned();
    }
    if run.len() == 40 && hex(run) {
        return "<sha1>".to_owned();
    }
    let octets: Vec<&str> = run.split(':').collect();
    if octets.len() >= 6 && octets.iter().all(|octet| octet.len() == 2 && hex(octet)) {
        return format!("<{} octets>", octets.len());
    }
    if let Some(stamp) = iso_stamp(run) {
        return run.replace(stamp, "<stamp>");
    }
    // vzdump-qemu-100-2026_11_20-23_05_12
    if let Some(at) = run.find("_").filter(|at| *at >= 4) {
        let stamp = run.get(at - 4..at + 15).unwrap_or_default();
        let shape = stamp.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect::<String>();
        if shape == "dddd_dd_dd-dd_dd_dd" {
            return run.replace(stamp, "<stamp>");
        }
    }
    run.to_owned()
}

/// `2.0MiB`, `299MiB` (before `/s`), `53687296B`.
fn is_amount(run: &str) -> bool {
    let unit = run.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < run.len() && matches!(unit, "B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB" | "TiB")
}

/// `2026-11-21T02:07:13Z`, as in names of backups and in logs.
fn iso_stamp(run: &str) -> Option<&str> {
    let at = run.find('T').filter(|at| *at >= 10)?;
    let stamp = run.get(at - 10..at + 9)?;
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { 'd' } else { c }).collect();
    if shape != "dddd-dd-ddTdd:dd:dd" {
        return None;
    }
    run.get(at - 10..at + 10).filter(|longer| longer.ends_with('Z')).or(Some(stamp))
}
