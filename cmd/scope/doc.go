// Command scope is structured concurrency for the shell.
//
//	scope run [--policy all|supervise] [--grace 10s] -- COMMAND ::: COMMAND …
//	scope ps|tree|top|why|stacks [PID|SOCKET|URL] …
//
// The verbs of the second line look at a program that called inspect.Listen or
// serves inspect.Handler; see their help. The rest of this page is about run.
//
// Each command runs as a process in a process group of its own and as a task of
// one scope, and scope run returns when all of them and whatever they started
// are gone. Nothing in these groups is left behind, unless a third signal ends
// scope itself.
//
// # Policies
//
// With all, the default, the first command that fails ends the others. A
// command that ends well does not. With supervise a failure is reported and the
// others run on.
//
// # Stopping
//
// SIGINT (Ctrl-C), SIGTERM, SIGHUP and SIGQUIT ask every process group to end,
// by SIGTERM; what still runs when the grace is over is killed. A second signal
// kills at once. A third one ends scope itself and leaves behind what even
// SIGKILL could not end; such a process is reported by name before. A signal
// that was ignored when scope was started, as under nohup, stays ignored.
//
// The commands are in background groups of the terminal: Ctrl-C reaches them
// through scope alone, once. Their standard input is the null device.
//
// # Output
//
// What the commands write comes line by line, each with the name of its command
// in front, standard output to standard output and standard error to standard
// error. Lines longer than 64 KiB are broken. The names are coloured on a
// terminal, unless NO_COLOR is set. What scope itself has to say goes to
// standard error and starts with "scope: ".
//
// # Exit status
//
// The status tells of the first thing that went wrong, under either policy:
//
//	0          all commands ended well
//	1 … 255    the status of the command that failed first
//	128+n      signal n ended that command, or signal n told scope to stop:
//	           130 after Ctrl-C, 143 after SIGTERM, even if all obeyed
//	126, 127   a command cannot be executed, or was not found; if that is
//	           known before, nothing is started
//	141        the output could not be written because its reader is gone
//	2          wrong usage
//	1          anything else
package main
