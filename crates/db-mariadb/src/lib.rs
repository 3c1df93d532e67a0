//! The MariaDB adapter
