//! The domain of bnna, pure: accounts, names, quotas, roles and ACLs, address plan
