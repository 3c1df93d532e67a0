//! Files up and down, without holding them.

use std::time::Duration;

use proxmox_client::error::MaybeSent;
use proxmox_client::{Class, Error};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::server::{Reply, Server, data, typed};

#[tokio::test]
async fn an_upload_has_its_parts_in_order_and_its_length() {
    use proxmox_client::pve::nodes::content::{ChecksumAlgorithm, UploadContent, UploadFile};
    let server = Server::start(|_| data(json!("UPID:pve1:0000B1E5:000002C3:69286A6F:imgcopy::root@pam:"))).await;
    let pve = server.pve();
    let content = vec![7u8; 300_000];
    let size = content.len() as u64;
    let mut params = UploadFile::new(UploadContent::Iso);
    params.checksum_algorithm = Some(ChecksumAlgorithm::Sha256);
    params.checksum = Some("00".to_owned());
    let node = pve.node("pve1");
    let task = node
        .storage("local")
        .upload("my disc.iso", size, std::io::Cursor::new(content.clone()), &params, Duration::from_secs(40))
        .await
        .unwrap();
    assert_eq!(task.upid().task().kind, "imgcopy");
    let request = &server.requests()[0];
    assert!(request.header("transfer-encoding").is_none());
    assert_eq!(request.header("content-length").unwrap().parse::<usize>().unwrap(), request.body.len());
    let text = request.text();
    let places: Vec<usize> = [
        "name=\"content\"",
        "name=\"checksum-algorithm\"",
        "name=\"checksum\"",
        "name=\"filename\"; filename=\"my disc.iso\"",
    ]
    .iter()
    .map(|part| text.find(part).unwrap_or_else(|| panic!("{part}")))
    .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(request.body.windows(content.len()).any(|window| window == content));
    for bad in ["", "a/b", "a\"b", "a\nb"] {
        let refused =
            node.storage("local").upload(bad, 1, &b"x"[..], &params, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(refused.class(), Class::NeverSent, "{bad:?}");
    }
}

#[tokio::test]
async fn a_download_streams_and_notices_an_early_end() {
    use proxmox_client::pve::nodes::content::RestoreFile;
    let server = Server::start(|request| match request.target.contains("short") {
        true => Reply::RawThenClose(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()),
        false => typed(200, "OK", "application/octet-stream", &"z".repeat(3_000_000)),
    })
    .await;
    let pve = server.pve();
    let file = |path: &str| RestoreFile {
        volume: "pbs:backup/ct/100/2026-01-31T12:00:00Z".parse().unwrap(),
        filepath: path.to_owned(),
        tar: proxmox_client::Switch::Off,
    };
    let node = pve.node("pve1");
    let mut download = node.storage("pbs").restore_file(&file("long")).await.unwrap();
    assert_eq!(download.size(), Some(3_000_000));
    let mut read = 0;
    while let Some(chunk) = download.chunk().await.unwrap() {
        read += chunk.len();
    }
    assert_eq!(read, 3_000_000, "more than the bound for answers in memory");
    let mut download = node.storage("pbs").restore_file(&file("short")).await.unwrap();
    let error = loop {
        match download.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("an early end is not the end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::MaybeSent { cause: MaybeSent::Truncated(_), .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_ends_early_is_an_error_not_a_short_file() {
    use proxmox_client::pve::nodes::content::{UploadContent, UploadFile};
    let server = Server::start(|_| data(json!("UPID:pve1:0000B1E5:000002C3:69286A6F:imgcopy::root@pam:"))).await;
    let pve = server.pve();
    let short = (&b"abc"[..]).take(3);
    let params = UploadFile::new(UploadContent::Iso);
    let error = pve.node("pve1").storage("local").upload("a.iso", 1000, short, &params, Duration::from_secs(20)).await;
    assert_eq!(error.unwrap_err().class(), Class::MaybeSent);
    assert_eq!(server.count(), 0, "the server never saw a whole request");
}
