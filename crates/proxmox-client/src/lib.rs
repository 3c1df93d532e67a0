//! Typed async client for Proxmox VE and Proxmox Backup Server
