//! The location of the bank's data, as an argument names it.

use std::path::PathBuf;
use std::str::FromStr;

/// Location of the bank's data.
pub(crate) enum Place {
    Memory,
    File(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match (name, name.strip_prefix("sqlite:")) {
            ("memory", _) => Ok(Self::Memory),
            (url, _) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                postgres(url)
            }
            (_, Some(path)) if !path.is_empty() && !path.starts_with("//") => {
                Ok(Self::File(PathBuf::from(path)))
            }
            _ => {
                Err("invalid value of `--store`: write `memory`, `sqlite:bank.db` for a file, or \
                 `postgres://..`")
            }
        }
    }
}

#[cfg(feature = "postgres")]
fn postgres(url: &str) -> Result<Place, &'static str> {
    Ok(Place::Postgres(url.to_owned()))
}

/// Returns an error without the address, which may contain a password.
#[cfg(not(feature = "postgres"))]
fn postgres(_url: &str) -> Result<Place, &'static str> {
    Err("this program was built without PostgreSQL: run \
         `cargo run -p banking-domain --features postgres -- --store postgres://..`")
}
