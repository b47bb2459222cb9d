//go:build !noui

package embedui

import (
	"embed"
	"io/fs"
)

// What `make build` put there; without Node it is empty but for a file that keeps the folder.
//
//go:embed all:dist
var built embed.FS

func files() fs.FS {
	sub, _ := fs.Sub(built, "dist") // the directive names it
	return sub
}
