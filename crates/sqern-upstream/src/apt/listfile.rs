//! The file names of apt lists: `URItoFileName` of apt-pkg/strutl.cc.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

/// The characters that apt escapes before it replaces `/` by `_`.
const ESCAPED: &str = "\\|{}[]<>\"^~_=!@#$%^&*";

/// Converts a path to a part of a file name: `main/binary-amd64/Packages` becomes
/// `main_binary-amd64_Packages`.
pub(super) fn encode(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' => name.push('_'),
            0x21..=0x7e if !ESCAPED.contains(char::from(byte)) => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02x}");
            }
        }
    }
    name
}

/// Converts a file name to site and path: `mirror.example_debian_dists_sid` becomes
/// `mirror.example/debian/dists/sid`.
pub(super) fn decode(name: &str) -> String {
    percent_decode_str(&name.replace('_', "/"))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn file_names_are_those_of_apt() {
        assert_eq!(
            decode("deb.nodesource.com_node%5f20.x_dists_nodistro"),
            "deb.nodesource.com/node_20.x/dists/nodistro"
        );
        assert_eq!(
            encode("node_20.x/main/binary-amd64/Packages"),
            "node%5f20.x_main_binary-amd64_Packages"
        );
    }

    proptest! {
        #[test]
        fn encoded_paths_are_restored(path in "[ -~é]{0,20}") {
            prop_assert_eq!(decode(&encode(&path)), path);
        }
    }
}
