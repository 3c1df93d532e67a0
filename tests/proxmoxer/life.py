"""A life on a simulated Proxmox VE, driven by proxmoxer as it comes from PyPI.

Run by `cargo xtask proxmoxer`, which starts the `proxmox-sim` binary. It takes the address of one node, the file of the cluster's
authority, and from the environment the password of root@pam and the secret of its token.
"""

import os
import sys
import time

from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from proxmoxer.tools import Tasks

DEADLINE = 60
TEMPLATE = "local:vztmpl/alpine-lab_3.21_amd64.tar.gz"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(call, status, words):
    """The call is refused with this status and these words."""
    try:
        answer = call()
    except ResourceException as error:
        text = str(error)
        check(error.status_code == status and words in text, f"refused with {error}, not {status} {words!r}")
        return
    raise AssertionError(f"not refused with {status} {words!r}, but answered {answer!r}")


def done(api, upid, ends="OK"):
    """Waits for a task and gives the lines of its log."""
    check(isinstance(upid, str) and upid.startswith("UPID:"), f"{upid!r} is no task")
    status = Tasks.blocking_status(api, upid, timeout=DEADLINE, polling_interval=0.05)
    check(status is not None, f"{upid} does not end within {DEADLINE} s")
    log = Tasks.decode_log(api.nodes(status["node"]).tasks(upid).log.get(limit=1000))
    check(status["exitstatus"] == ends, f"{upid} ends with {status['exitstatus']}: {log}")
    return log


def login(host, port, authority):
    """A ticket by password, and the token; both see the same server."""
    refused_login = False
    try:
        ProxmoxAPI(host, port=port, user="root@pam", password="wrong", verify_ssl=authority)
    except Exception as error:  # proxmoxer raises its own class for refused credentials
        refused_login = "authenticate" in str(error).lower()
    check(refused_login, "a wrong password is refused")
    password, secret = os.environ["PROXMOX_SIM_PASSWORD"], os.environ["PROXMOX_SIM_SECRET"]
    ticket = ProxmoxAPI(host, port=port, user="root@pam", password=password, verify_ssl=authority)
    token = ProxmoxAPI(host, port=port, user="root@pam", token_name="lab", token_value=secret, verify_ssl=authority)
    version = ticket.version.get()
    check(version == token.version.get(), "both are told the same version")
    check(version["version"].startswith(version["release"] + "."), version)
    return ticket, token


def pools(api):
    api.pools.post(poolid="crew", comment="made by proxmoxer")
    refused(lambda: api.pools.post(poolid="crew"), 500, "pool 'crew' already exists")
    check(api.pools.get(poolid="crew")[0]["comment"] == "made by proxmoxer", "the pool has its comment")
    refused(lambda: api.pools.post(poolid="crew", colour="red"), 400, "property is not defined in schema")


def machine(api, node):
    """A virtual machine: made, changed, started, stopped, with a snapshot."""
    vmid = api.cluster.nextid.get()
    check(int(vmid) >= 100, f"{vmid} is a VMID")
    qemu = api.nodes(node).qemu
    done(api, qemu.post(vmid=vmid, name="web", memory=512, cores=1, scsi0="local:1,format=qcow2", pool="crew", net0="virtio,bridge=vmbr0"))
    config = qemu(vmid).config.get()
    check(config["name"] == "web" and config["memory"] == "512" and config["scsi0"].endswith("size=1G"), config)
    qemu(vmid).config.put(description="hello", digest=config["digest"])
    refused(lambda: qemu(vmid).config.put(description="lost", digest=config["digest"]), 500, "checksum mismatch")
    done(api, qemu(vmid).status.start.post())
    check(qemu(vmid).status.current.get()["status"] == "running", "it runs")
    log = done(api, qemu(vmid).status.start.post(), ends=f"VM {vmid} already running")
    check("already running" in log, log)
    done(api, qemu(vmid).status.stop.post())
    done(api, qemu(vmid).snapshot.post(snapname="before", description="first"))
    qemu(vmid).config.put(memory=1024)
    done(api, qemu(vmid).snapshot("before").rollback.post())
    check(qemu(vmid).config.get()["memory"] == "512", "the snapshot is back")
    names = {row["name"]: row.get("parent") for row in qemu(vmid).snapshot.get()}
    check(names == {"before": None, "current": "before"}, names)
    return vmid


def container(api, node):
    """A container: made from a template, started, backed up, restored."""
    vmid = int(api.cluster.nextid.get())
    lxc = api.nodes(node).lxc
    task = lxc.post(vmid=vmid, ostemplate=TEMPLATE, hostname="box", rootfs="local:1", memory=256, pool="crew", password="secret123")
    done(api, task)
    done(api, lxc(vmid).status.start.post())
    status = lxc(vmid).status.current.get()
    check(status["status"] == "running" and status["name"] == "box", status)
    log = done(api, api.nodes(node).vzdump.post(vmid=vmid, storage="local", mode="stop", compress="zstd"))
    check(f"INFO: Starting Backup of VM {vmid} (lxc)" in log, log)
    archives = api.nodes(node).storage("local").content.get(content="backup", vmid=vmid)
    check(len(archives) == 1 and archives[0]["volid"].startswith(f"local:backup/vzdump-lxc-{vmid}-"), archives)
    done(api, lxc(vmid).status.stop.post())
    done(api, lxc.post(vmid=vmid + 1, ostemplate=archives[0]["volid"], restore=1, storage="local"))
    check(lxc(vmid + 1).config.get()["hostname"] == "box", "the restored one has the name of the first")
    foreign = api.nodes(node).vzdump.post(vmid=99999, storage="local")
    check(foreign == "OK" or foreign.startswith("UPID:"), foreign)
    return vmid


def rights(root, host, port, authority, vmid, node):
    """A user and its token see what the ACL says, and no more."""
    root.access.users.post(userid="mate@pve", password="secret123")
    root.access.acl.put(path="/pool/crew", users="mate@pve", roles="PVEVMUser")
    made = root.access.users("mate@pve").token("job").post(privsep=1)
    mate = ProxmoxAPI(host, port=port, user="mate@pve", password="secret123", verify_ssl=authority)
    job = ProxmoxAPI(host, port=port, user="mate@pve", token_name="job", token_value=made["value"], verify_ssl=authority)
    seen = {row["vmid"] for row in mate.cluster.resources.get(type="vm")}
    check(vmid in seen, f"mate sees {vmid} among {seen}")
    done(mate, mate.nodes(node).lxc(vmid).status.start.post())
    refused(lambda: mate.nodes(node).lxc(vmid).config.put(memory=512), 403, f"Permission check failed (/vms/{vmid}, VM.Config.")
    check(job.cluster.resources.get(type="vm") == [], "a separated token has no rights of its own")
    refused(lambda: job.nodes(node).lxc(vmid).status.stop.post(), 403, "Permission check failed")
    root.access.acl.put(path="/pool/crew", tokens="mate@pve!job", roles="PVEVMUser")
    done(job, job.nodes(node).lxc(vmid).status.stop.post())
    entries = {(row["path"], row["ugid"], row["roleid"]) for row in root.access.acl.get()}
    check(("/pool/crew", "mate@pve!job", "PVEVMUser") in entries, entries)


def clear(api, node, machines, containers):
    for vmid in machines:
        done(api, api.nodes(node).qemu(vmid).delete())
    for vmid in containers:
        done(api, api.nodes(node).lxc(vmid).delete(purge=1))
    api.pools.delete(poolid="crew")
    check(api.cluster.resources.get(type="vm") == [], "nothing is left")


def main():
    host, port, authority = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    started = time.monotonic()
    ticket, token = login(host, port, authority)
    node = token.nodes.get()[0]["node"]
    pools(token)
    vmid = machine(ticket, node)
    ctid = container(token, node)
    rights(ticket, host, port, authority, ctid, node)
    clear(token, node, [vmid], [ctid, ctid + 1])
    print(f"proxmoxer: login, pools, virtual machine, container, snapshot, backup, rights: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    main()
