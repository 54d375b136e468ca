/** The usage text and the version. */

export const VERSION = "3.0.0";

export const USAGE = `csync2 ${VERSION} - cluster file synchronisation

Speaks with csync2 2.0 and 2.1.1; same configuration, database and options.

Usage: csync2 [options] MODE [file..]

Modes with file arguments
  -h [-r] file..          Note files to be checked later (hints)
  -c [-r] file..          Check files and mark what has changed for the peers
  -u [-d] [-r] file..     Send what is marked
  -o [-r] file..          List the files that the configuration includes
  -f [-r] file..          Let marked files win the next conflict
  -m [-r] file..          Mark files, changed or not
  -x [-d] [[-r] file..]   Check, then send; without files: everything
  -cu [-r] [file..]       -c, then -u

Modes without
  -c                      Check the hints
  -u [-d]                 Send everything that is marked
  -H -L -M                List hints, known files, marks
  -S myname peer          List the files of a pair of hosts
  -T [myname peer] [file] Compare with the peers, by their records
  -TT ..                  The same, showing the differences of content
  -R                      Remove records that no group covers any more
  -i, -ii, -iii           Serve: on standard input, stand-alone, one connection
  -k file                 Make a new group key (alone, before everything else)
  --make-cert             Make the TLS key and certificate of this host
  --check-config          Warn of what the configuration hardly means; 0: nothing to say
  --list-certs            List the peers whose certificates are known, with SHA-256 fingerprints
  --forget-cert peer..    Take the next certificate that these peers show, and
                          the dialect that they speak
  --version, --help

Options
  -v                      Say more; up to -vvvv
  -r                      With everything below the files given
  -d                      Dry run: say what would be sent, change nothing
  -C name                 Use csync2_NAME.cfg
  -D dir or url           Database: a directory, sqlite3:///path, or on a server
                          pgsql://user@host/, mysql://user@host/; see the README
  -N name                 Name of this host; also the address to serve on and to call from
  -p port                 Port, default 30865
  -G group,..             Only these groups
  -P peer,..              Only these peers
  -j number               Peers to be served at once, default 8
  -I                      Init run: take what is there as known, mark nothing
  -X, -U                  With -T -I: mark removals too; mark only for the peer compared
  -F                      Marks win conflicts
  -l                      Messages to syslog (always with -i)
  -t, -s file             Time stamps on standard error, in a file
  -O[file]                All messages of all levels to a file
  -W fd                   With -c: names of directories that hold relevant files, NUL-terminated
  --json                  Lists and messages as JSON lines on standard output
  --strict                Exit code 1 when a file given is in no group, or a prefix has no path
  --action-limit seconds  End commands of actions that run longer, and what they started
  --classic               Speak as csync2 does, also with hosts of our own (-i: also to them)
  --checksum              With -u, -cu, -x: compare the content of every marked file
  --durability none|batch|file
                          With -i, -ii, -iii: confirm without the disk, when it has the files of
                          a batch (default), or each file by itself
  --bwlimit rate          With -u, -cu, -x: bytes per second to each peer; suffix K, M, G
  -A                      Do not wait for the disk when writing the database
  -B, -a, -b              Accepted; what they switched is always on or not needed

Guards (also in checks of hints, -cu and -x)
  --allow-removals        Take what is gone for removed, though a whole include root, prefix
                          directory or mount is missing or another one; held without.
                          Not with -xd, -cud
  --max-removals N or P%  Hold all removals of a run that would make more (for -u: at a peer)
  --one-file-system       Check nothing on other file systems than that of the include root
  --create-parents        With -i, -ii, -iii: make missing directories above files from peers
                          that no group includes

Exit codes
  0  done        1  errors        2  -H -L -M -S --list-certs: empty; -T: in sync

Environment
  CSYNC2_SYSTEM_DIR       Where csync2.cfg, keys and certificate are; default /etc
  CSYNC2_DATABASE_PASSWORD  Password for a database on a server
  CSYNC2_CACHE_DIR        Where a self-extracting file unpacks itself; see the README
  Nothing is done while csync2.lock exists in CSYNC2_SYSTEM_DIR.
`;
