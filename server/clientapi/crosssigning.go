package clientapi

import (
	"encoding/json"

	"beffroi/server/e2ee"
	"beffroi/server/httpx"
	"beffroi/server/limits"
)

// Source: client-server API, "Cross-signing".
func (a *API) crossSigningRoutes() []route {
	return []route{
		{Method: "POST", Path: "/_matrix/client/v3/keys/device_signing/upload", Handle: a.uploadCrossSigning, Suspended: true, Class: limits.Account},
		{Method: "POST", Path: "/_matrix/client/v3/keys/signatures/upload", Handle: a.uploadSignatures, Limit: httpx.LimitKeys, Suspended: true, Class: limits.Keys},
	}
}

func (a *API) uploadCrossSigning(r *request) (any, error) {
	var body struct {
		e2ee.CrossSigningUpload
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	upload, err := a.E2EE.CheckCrossSigning(r.Context(), r.Session, &body.CrossSigningUpload)
	if err != nil {
		return nil, err
	}
	if upload.Interactive {
		if err := a.confirmed(r, body.Auth); err != nil {
			return nil, err
		}
	}
	return nil, a.E2EE.StoreCrossSigning(r.Context(), r.Session, upload)
}

func (a *API) uploadSignatures(r *request) (any, error) {
	var body map[string]map[string]json.RawMessage
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	failures, err := a.E2EE.UploadSignatures(r.Context(), r.Session, body)
	if err != nil {
		return nil, err
	}
	return signaturesUploaded{failures}, nil
}

type signaturesUploaded struct {
	Failures e2ee.SignatureFailures `json:"failures"`
}
