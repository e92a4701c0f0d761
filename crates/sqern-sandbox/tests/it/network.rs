//! Access to the network.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::support::{code, with_each_method};

/// Connects to 127.0.0.1 and to a socket in the file system, with the arguments port and path.
const CONNECT: &str = r"
import socket, sys
for family, address in ((socket.AF_INET, ('127.0.0.1', int(sys.argv[1]))), (socket.AF_UNIX, sys.argv[2])):
    try:
        socket.socket(family, socket.SOCK_STREAM).connect(address)
        print('connected', family)
    except OSError as error:
        print('error', error)
socket.socketpair()
print('end')
";

#[test]
fn listeners_of_the_machine_cannot_be_reached() {
    with_each_method(|fixture| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = fixture.path("tree/socket");
        let _unix = UnixListener::bind(&socket).unwrap();
        let mut policy = fixture.policy.clone();
        policy.scratch.files = vec![("connect.py".to_owned(), CONNECT.to_owned())];
        let port = listener.local_addr().unwrap().port();
        let script = format!("python3 connect.py {port} {}", socket.display());
        let finished = fixture.try_run(&policy, &script).unwrap();
        assert!(
            finished.output.ends_with("end\n") && !finished.output.contains("connected"),
            "{}",
            finished.output
        );

        policy.network = true;
        let finished = fixture.try_run(&policy, &script).unwrap();
        assert_eq!(code(&finished), Some(0));
        assert!(
            finished.output.contains("connected 2"),
            "{}",
            finished.output
        );
    });
}
