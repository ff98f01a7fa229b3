package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// supported returns an error if the end of a process group cannot be seen here.
func supported() error {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return fmt.Errorf("cannot watch over a process group without /proc: %w", err)
	}
	return nil
}

// sysProcAttr puts the process into a group of its own and has it killed when
// this program dies. SIGKILL and not the stop signal: nobody would be left to
// wait the grace. It reaches the process only, not the rest of its group.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit blocks until the child pid has ended, and leaves it to be waited
// for.
func awaitExit(pid int) error {
	_, err := waitid(pid, 0)
	return err
}

// hasExited reports whether the child pid has ended; it does not block.
func hasExited(pid int) bool {
	ended, err := waitid(pid, syscall.WNOHANG)
	return ended || err != nil
}

// waitid asks for the end of the child pid without taking its status.
func waitid(pid, options int) (ended bool, err error) {
	const byPID = 1 // P_PID
	// A siginfo_t is 128 bytes and starts with the signal, 0 if the child has
	// not ended.
	var info [32]int32
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(pid),
			uintptr(unsafe.Pointer(&info)),
			uintptr(syscall.WEXITED|syscall.WNOWAIT|options), 0, 0)
		switch errno {
		case 0:
			return info[0] != 0, nil
		case syscall.EINTR:
		default:
			return false, os.NewSyscallError("waitid", errno)
		}
	}
}

// isOurs reports whether the child pid, running or ended, is still to be waited
// for, so that its number is its own.
func isOurs(pid int) bool {
	_, err := waitid(pid, syscall.WNOHANG)
	return err == nil
}

// othersIn reports whether anything but the leader runs in the group pgid. A
// process that has ended and waits for its parent does not run, and its parent
// may never come; kill(2) counts it, so kill(2) cannot answer.
//
// A process that forks and ends while the list is read is found dead, and what it has
// forked is not in the list yet. So when ended members have been seen the list is read
// again, until nobody new is in it. It says true if it cannot look: the file table may
// be full for a moment.
func othersIn(pgid int) bool {
	seen := map[int]bool{pgid: true}
	for again := true; again; {
		again = false
		pids, err := processes()
		if err != nil {
			return true
		}
		for _, pid := range pids {
			if seen[pid] {
				continue
			}
			seen[pid] = true
			// Ten times as cheap as to read the stat file of every process.
			if group, err := syscall.Getpgid(pid); err == nil && group != pgid {
				continue
			}
			if runs(pid) {
				return true
			}
			again = true // a member, or it is gone and may have been one
		}
	}
	return false
}

// processes returns the numbers of all processes.
func processes() ([]int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = proc.Close() }()
	names, err := proc.Readdirnames(-1)
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// runs reports whether the process of /proc/pid has a thread that has not
// ended. Source: proc_pid_stat(5).
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false // gone meanwhile
	}
	// The second field is the name in brackets, and can hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, threads = 0, 17
	if len(fields) <= threads {
		return true
	}
	ended := fields[state][0] == 'Z' || fields[state][0] == 'X'
	alone := string(fields[threads]) == "1" || string(fields[threads]) == "0"
	return !ended || !alone // the first thread can end before the others
}
