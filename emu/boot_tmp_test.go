package emu

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"vdev/emu/mem"
)

func TestTmpBoot(t *testing.T) {
	k, _ := os.ReadFile("/root/.cache/vdev/early/Image")
	i, _ := os.ReadFile("/root/.cache/vdev/early/initramfs.cpio")
	if k == nil {
		t.Skip()
	}
	for _, mode := range []mem.Mode{mem.Coherent, mem.Lazy, mem.Eager, mem.Random, mem.Coherent, mem.Lazy} {
		var out bytes.Buffer
		m, err := New(Config{Memory: 512 << 20, Harts: 1, Kernel: &File{"k", k}, Initrd: &File{"i", i}, Append: "console=ttyS0 panic=-1",
			Cache: mem.CacheConfig{Mode: mode, Seed: 1, EvictRate: .2, FillRate: .2}, Ports: Ports{1, 1, 1},
			ConsoleOut: func(p []byte) { out.Write(p) }})
		if err != nil {
			t.Fatal(err)
		}
		last := byte(0)
		nl := byte(0)
		m.OnConsoleByte(func(c byte) {
			if c == ' ' && last == '$' && nl == '\n' {
				m.stop(Result{Reason: Stopped})
			}
			nl = last
			last = c
		})
		s := time.Now()
		m.Run(context.Background())
		d := time.Since(s)
		t.Logf("%v %v retired %d = %.0f MIPS virtual %v tracked %d digest %s", mode, d, m.Retired(), float64(m.Retired())/d.Seconds()/1e6, m.now, m.mem.NumTracked(), m.Digest())
	}
}
