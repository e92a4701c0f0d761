//! How apt names the files under its lists folder: `URItoFileName` of apt-pkg/strutl.cc.

use std::fmt::Write as _;

use percent_encoding::percent_decode_str;

/// What apt escapes in a URL before it writes `_` for `/`.
const ESCAPED: &str = "\\|{}[]<>\"^~_=!@#$%^&*";

/// A path as part of a list file's name: `main/binary-amd64/Packages` is `main_binary-amd64_Packages`.
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

/// The site and path that a list file's name stands for: `mirror.example_debian_dists_sid` is `mirror.example/debian/dists/sid`.
pub(super) fn decode(name: &str) -> String {
    percent_decode_str(&name.replace('_', "/")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_those_that_apt_writes() {
        assert_eq!(decode("deb.nodesource.com_node%5f20.x_dists_nodistro"), "deb.nodesource.com/node_20.x/dists/nodistro");
        assert_eq!(encode("node_20.x/main/binary-amd64/Packages"), "node%5f20.x_main_binary-amd64_Packages");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(path in "[ -~é]{0,20}") {
            prop_assert_eq!(decode(&encode(&path)), path);
        }
    }
}
