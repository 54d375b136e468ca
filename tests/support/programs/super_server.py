"""Starts a program for each connection, with the descriptors and the environment that it would get from
inetd, xinetd (the connection is 0, 1 and 2) or systemd (0, 1 and 3; 2 is the journal).

super_server.py inetd|systemd PORT JOURNAL PROGRAM ARGUMENT..
"""
import os
import socket
import sys

kind, port, journal, *command = sys.argv[1:]
listener = socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, peer = listener.accept()
    if os.fork() == 0:
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        fd = connection.detach()
        errors = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if kind == "systemd":
            environment |= {
                "LISTEN_PID": str(os.getpid()),
                "LISTEN_FDS": "1",
                "LISTEN_FDNAMES": "connection",
                "REMOTE_ADDR": peer[0],
                "REMOTE_PORT": str(peer[1]),
            }
            places = {0: fd, 1: fd, 2: errors, 3: fd}
        else:
            places = {0: fd, 1: fd, 2: fd}
        # Out of the way first: what is put into place must not be what comes next.
        spare = {to: os.dup2(source, 20 + to) for to, source in places.items()}
        for to, source in spare.items():
            os.dup2(source, to)
        os.closerange(4, 64)
        os.execve(command[0], command, environment)
    connection.close()
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
