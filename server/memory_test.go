package server

import (
	"math"
	"testing"
	"testing/fstest"

	"beffroi/server/store"
)

func TestMemoryLimit(t *testing.T) {
	const outside = store.CacheBytes + outsideHeap
	meminfo := "MemTotal:         262144 kB\nMemFree:          1000 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known":   {nil, math.MaxInt64},
		"the machine":     {map[string]string{"proc/meminfo": meminfo}, 256<<20 - outside},
		"a small machine": {map[string]string{"proc/meminfo": "MemTotal: 65536 kB\n"}, leastHeap},
		"group without limit": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n",
			"sys/fs/cgroup/a/memory.max": "max\n"}, 256<<20 - outside},
		"group": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/beffroi.service\n",
			"sys/fs/cgroup/system.slice/beffroi.service/memory.max": "209715200\n"}, 200<<20 - outside},
		"group above ours": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "209715200\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 200<<20 - outside},
		"group of version 1": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "209715200\n"}, 200<<20 - outside},
		"group outside our view": {map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../..\nnonsense\n"}, 256<<20 - outside},
	} {
		root := fstest.MapFS{}
		for path, content := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(content)}
		}
		if got := MemoryLimit(root); got != c.want {
			t.Errorf("%s: got %d MiB, want %d MiB", name, got>>20, c.want>>20)
		}
	}
}
