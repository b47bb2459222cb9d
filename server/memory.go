package server

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"

	"beffroi/server/store"
)

// What the process needs beside Go's heap: SQLite's caches, which modernc allocates outside of it, and stacks, buffers
// and code. ARCHITECTURE.md, decision 7 of the design: GOMEMLIMIT is the machine's memory less these.
const (
	outsideHeap = 40 << 20
	leastHeap   = 64 << 20
)

// MemoryLimit is the soft limit of Go's heap, in bytes: the memory of the machine or of our control group, whichever is
// less, without what lies outside the heap. root is the file system's root. math.MaxInt64 (no limit) where nothing tells.
func MemoryLimit(root fs.FS) int64 {
	total := min(machineMemory(root), groupMemory(root))
	if total == math.MaxInt64 {
		return total
	}
	return max(total-store.CacheBytes-outsideHeap, leastHeap)
}

func machineMemory(root fs.FS) int64 {
	for line := range lines(root, "proc/meminfo") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "MemTotal:" { // "MemTotal:  262144 kB"
			return bytesOf(fields[1], 1024)
		}
	}
	return math.MaxInt64
}

// groupMemory looks at our own control group and all above it, of version 2 ("0::/path") and 1 ("7:memory:/path").
func groupMemory(root fs.FS) int64 {
	limit := int64(math.MaxInt64)
	for line := range lines(root, "proc/self/cgroup") {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		base, file := "sys/fs/cgroup", "memory.max"
		if fields[1] == "memory" {
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		} else if fields[1] != "" {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			for line := range lines(root, path.Join(base, group, file)) {
				limit = min(limit, bytesOf(line, 1))
			}
			if group == "/" {
				break
			}
		}
	}
	return limit
}

// lines are the lines of a file; none where it can't be read.
func lines(root fs.FS, name string) func(yield func(string) bool) {
	content, _ := fs.ReadFile(root, name) // a kernel without this file sets no such limit
	return strings.Lines(string(content))
}

// bytesOf is the number times unit; no limit where it is none ("max").
func bytesOf(number string, unit int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit {
		return math.MaxInt64
	}
	return n * unit
}
