//! The server itself: status, time, certificates, services.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::pbs::call::{Answer, Call, Outcome, Refusal};
use crate::pbs::rights::Permission;
use crate::pbs::schema::one_of;
use crate::pbs::state::Pbs;
use crate::pbs::table::{Endpoint, call};

use super::index::node_param;
use super::status::disk;

pub(in crate::pbs) fn calls() -> Vec<Endpoint> {
    let audit = Permission::All("/system/status", &["Sys.Audit"]);
    vec![
        call("GET", "/nodes/{node}/status", status).permission(audit).params([node_param()]),
        call("POST", "/nodes/{node}/status", |_, _| Ok(Answer::null()))
            .permission(Permission::All("/system/status", &["Sys.PowerManagement"]))
            .params([node_param(), one_of("command", &["reboot", "shutdown"])]),
        call("GET", "/nodes/{node}/time", time).params([node_param()]),
        call("GET", "/nodes/{node}/services", |_, _| Ok(Answer::data(Vec::<Value>::new())))
            .permission(Permission::All("/system/services", &["Sys.Audit"]))
            .params([node_param()]),
        call("GET", "/nodes/{node}/certificates", |_, _| super::index::names(&["acme", "custom", "info"]))
            .params([node_param()]),
        call("GET", "/nodes/{node}/certificates/info", certificates)
            .permission(Permission::All("/system/certificates", &["Sys.Modify"]))
            .params([node_param()]),
        call("GET", "/nodes/{node}/subscription", subscription).params([node_param()]),
        call("GET", "/nodes/{node}/dns", |_, _| {
            Ok(Answer::data(json!({ "search": "lab.local", "dns1": "10.99.0.1" })))
        })
        .permission(Permission::All("/system/network/dns", &["Sys.Audit"]))
        .params([node_param()]),
    ]
}

fn status(pbs: &mut Pbs, _: &Call) -> Outcome {
    const MEMORY: u64 = 25_276_502_016;
    const USED: u64 = 2_386_522_112;
    let (total, used, avail) = disk(pbs);
    Ok(Answer::data(json!({
        "boot-info": { "mode": "legacy-bios", "secureboot": false },
        "cpu": 0.0723, "wait": 0.0007, "loadavg": [0.86, 1.26, 1.01],
        "cpuinfo": { "cpus": 2, "model": "Intel(R) Xeon(R) Processor", "sockets": 1 },
        "current-kernel": {
            "machine": "x86_64", "release": "6.8.12-9-pve", "sysname": "Linux",
            "version": "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9",
        },
        "info": { "fingerprint": pbs.fingerprint },
        "kversion": "Linux 6.8.12-9-pve #1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9",
        "memory": { "total": MEMORY, "used": USED, "free": MEMORY - USED },
        "root": { "total": total, "used": used, "avail": avail },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "uptime": pbs.now().saturating_sub(pbs.booted),
    })))
}

fn time(pbs: &mut Pbs, _: &Call) -> Outcome {
    Ok(Answer::data(json!({ "time": pbs.now(), "localtime": pbs.now(), "timezone": "Etc/UTC" })))
}

fn certificates(pbs: &mut Pbs, _: &Call) -> Outcome {
    let pem = pbs.identity.certificate.as_str();
    if CertificateDer::from_pem_slice(pem.as_bytes()).is_err() {
        return Err(Refusal::bad("unable to parse certificate"));
    }
    let name = format!("O = Proxmox Backup Server, CN = {}", pbs.name);
    Ok(Answer::data(json!([{
        "filename": "proxy.pem", "fingerprint": pbs.fingerprint, "subject": name, "issuer": name, "pem": pem,
        "notbefore": 157_766_400, "notafter": 67_090_118_400_i64, "public-key-bits": 256,
        "public-key-type": "id-ecPublicKey", "san": ["localhost", pbs.name],
    }])))
}

fn subscription(pbs: &mut Pbs, _: &Call) -> Outcome {
    Ok(Answer::data(json!({
        "status": "notfound", "message": "There is no subscription key",
        "serverid": crate::pbs::state::sha256_hex(&pbs.name).get(..32).unwrap_or_default().to_uppercase(),
        "url": "https://www.proxmox.com/proxmox-backup-server/pricing",
    })))
}
