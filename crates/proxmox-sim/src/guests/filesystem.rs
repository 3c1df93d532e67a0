//! How much an ext4 file system holds, as a container sees it: the size of its volume less what `mkfs.ext4` lays out on it.
//!
//! The rules are those of `mke2fs` with its usual settings: small file systems have blocks of 1 KiB and an inode for every 4 KiB, others
//! blocks of 4 KiB and an inode for every 16 KiB; inodes of 256 bytes, group descriptors of 64, copies of the superblock in few groups,
//! room for the table of groups to grow, and a journal.

/// Below this a file system is small, bytes.
const SMALL: u64 = 512 << 20;
/// Bytes of an inode.
const INODE: u64 = 256;
/// Bytes of a group descriptor.
const DESCRIPTOR: u64 = 64;
/// A file system can grow to so many times its size without moving its table of groups.
const GROWTH: u64 = 1024;

/// What statfs says is the size of a fresh ext4 file system on a volume of so many bytes.
#[must_use]
pub fn capacity(bytes: u64) -> u64 {
    let (block, inode_ratio) = if bytes < SMALL { (1024, 4096) } else { (4096, 16_384) };
    let blocks = bytes / block;
    let per_group = block * 8;
    let first = u64::from(block == 1024);
    let groups = blocks.saturating_sub(first).div_ceil(per_group).max(1);
    let overhead = first
        + journal(blocks)
        + groups * (2 + inode_table(bytes / inode_ratio, groups, block))
        + (0..groups).filter(|group| has_copy(*group)).count() as u64 * superblock(blocks, per_group, groups, block);
    blocks.saturating_sub(overhead) * block
}

/// Blocks of a group's inode table.
fn inode_table(inodes: u64, groups: u64, block: u64) -> u64 {
    let blocks = (inodes.div_ceil(groups) * INODE).div_ceil(block);
    // As many as fill the blocks, in eights.
    let inodes = (blocks * block / INODE) & !7;
    (inodes * INODE).div_ceil(block)
}

/// Blocks of a superblock with the table of groups and room for that to grow.
fn superblock(blocks: u64, per_group: u64, groups: u64, block: u64) -> u64 {
    let in_a_block = block / DESCRIPTOR;
    let descriptors = groups.div_ceil(in_a_block);
    let grown = blocks.saturating_mul(GROWTH).min(u64::from(u32::MAX)).div_ceil(per_group);
    let reserved = grown.div_ceil(in_a_block).saturating_sub(descriptors).min(block / 4);
    1 + descriptors + reserved
}

/// Copies are in groups 0 and 1 and those that are powers of 3, 5 and 7.
fn has_copy(group: u64) -> bool {
    let is_power = |base: u64| {
        let mut power = base;
        while power < group {
            power = power.saturating_mul(base);
        }
        power == group
    };
    group <= 1 || is_power(3) || is_power(5) || is_power(7)
}

/// Blocks of the journal.
const fn journal(blocks: u64) -> u64 {
    match blocks {
        0..2_048 => 0,
        2_048..32_768 => 1_024,
        32_768..262_144 => 4_096,
        262_144..524_288 => 8_192,
        524_288..4_194_304 => 16_384,
        4_194_304..8_388_608 => 32_768,
        8_388_608..16_777_216 => 65_536,
        16_777_216..33_554_432 => 131_072,
        _ => 262_144,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_file_system_holds_what_mkfs_leaves() {
        assert_eq!(capacity(53_477_376), 44_870_656);
    }

    #[test]
    fn most_of_a_large_one_is_there() {
        let held = capacity(4 << 30);
        assert!(held > (4 << 30) * 95 / 100 && held < 4 << 30);
        assert_eq!(capacity(0), 0);
    }
}
