//! A stateful simulator of Proxmox VE clusters and Proxmox Backup Servers that speaks the real wire protocol
