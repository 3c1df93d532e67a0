//! Reading `/cluster/resources` of a large cluster as the client does, against parsing it into `serde_json::Value`.

use std::time::Instant;

use proxmox_client::error::CallName;
use proxmox_client::pve::cluster::Resource;
use proxmox_client::transport::{Answer, read_answer};
use proxmox_client::{Method, lenient};
use serde_json::{Value, json};

use super::{Figure, Measured, Programs, Sizes, Times, mb, ms};

/// How often each side reads it.
const TURNS: usize = 7;

pub(super) fn measure(_: &Programs, sizes: &Sizes) -> Measured {
    let body = bytes::Bytes::from(listing(sizes.large).to_string());
    let size = body.len() as u64;
    let call = CallName { method: Method::Get, template: "/cluster/resources".to_owned() };
    let answer = Answer { status: 200, reason: "OK".to_owned(), content_type: "application/json".to_owned(), body };
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let began = Instant::now();
        let value: Value = serde_json::from_slice(&answer.body)?;
        plain.push(began.elapsed());
        drop(value);
        let began = Instant::now();
        let rows: Vec<Resource> = lenient::from_value(read_answer(&call, "bench", &answer)?.data)?;
        ours.push(began.elapsed());
        if rows.len() != usize::try_from(sizes.large)? {
            return Err("rows are missing".into());
        }
    }
    let (ours, plain) = (Times::of(ours).median(), Times::of(plain).median());
    Ok(vec![
        Figure::new(format!("decode /cluster/resources, {} guests, {}", sizes.large, mb(size)), ms(ours))
            .against(format!("serde_json::Value {}: {:.2} ×", ms(plain), ours.as_secs_f64() / plain.as_secs_f64())),
    ])
}

/// A listing as PVE 9 writes it.
fn listing(guests: u32) -> Value {
    let row = |number: u32| {
        json!({
            "id": format!("qemu/{}", number + 100), "type": "qemu", "node": format!("n{}", number % 16), "vmid": number + 100,
            "name": format!("vm-{number}"), "status": "running", "pool": format!("account-{:06}", number / 5), "template": 0,
            "uptime": 3_600 + number, "cpu": 0.0123, "maxcpu": 4, "mem": 1_073_741_824_u64, "maxmem": 4_294_967_296_u64,
            "memhost": 1_200_000_000_u64, "disk": 0, "maxdisk": 34_359_738_368_u64, "netin": 123_456_789, "netout": 987_654,
            "diskread": 55_555_555, "diskwrite": 44_444_444, "tags": "web;prod"
        })
    };
    json!({ "data": (0..guests).map(row).collect::<Vec<_>>() })
}
