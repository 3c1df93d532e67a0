//! Charts as pictures. Nobody draws them any more, so every picture is a white one.

use std::io::Write as _;

use flate2::Compression;
use flate2::Crc;
use flate2::write::ZlibEncoder;
use serde_json::json;

use crate::api::{Call, Fault, Outcome, Reply, Simulated};
use crate::state::Cluster;

/// The calls that are answered here.
pub(super) const CALLS: &[Simulated] = &[
    ("GET", "/nodes/{node}/rrd", |cluster, call| draw(cluster, call, "node", call.node())),
    ("GET", "/nodes/{node}/qemu/{vmid}/rrd", |cluster, call| draw(cluster, call, "vm", call.required("vmid"))),
    ("GET", "/nodes/{node}/lxc/{vmid}/rrd", |cluster, call| draw(cluster, call, "vm", call.required("vmid"))),
    ("GET", "/nodes/{node}/storage/{storage}/rrd", |cluster, call| {
        draw(cluster, call, "storage", &format!("{}/{}", call.node(), call.required("storage")))
    }),
];

/// Pixels.
const SIZE: (u32, u32) = (800, 200);

fn draw(cluster: &Cluster, call: &Call, kind: &str, of: &str) -> Outcome {
    let folder = if cluster.version.pair() >= (9, 0) { format!("pve-{kind}-9.0") } else { format!("pve2-{kind}") };
    let sources = call.list("ds").unwrap_or_default().join("_");
    let png = white(SIZE).map_err(|error| Fault::die(format!("cannot draw: {error}")))?;
    // Bytes travel as the characters with their numbers.
    let image: String = png.into_iter().map(char::from).collect();
    Ok(Reply::data(json!({ "filename": format!("/var/lib/rrdcached/db/{folder}/{of}_{sources}.png"), "image": image })))
}

/// A white PNG.
fn white((width, height): (u32, u32)) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // One bit a pixel, grey, the only compression and filter, not interlaced.
    header.extend([1, 0, 0, 0, 0]);
    let mut line = vec![0_u8];
    line.extend(std::iter::repeat_n(0xff, width.div_ceil(8) as usize));
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    for _ in 0..height {
        encoder.write_all(&line)?;
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", encoder.finish()?), (b"IEND", Vec::new())] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(&content);
        png.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        png.extend(kind);
        png.extend(content);
        png.extend(sum.sum().to_be_bytes());
    }
    Ok(png)
}
