{{- define "gitops-mesh.name" -}}
{{- if contains "gitops-mesh" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-gitops-mesh" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- define "gitops-mesh.account" -}}
{{ .Values.serviceAccount.name | default (include "gitops-mesh.name" .) }}
{{- end }}
{{- define "gitops-mesh.selector" -}}
app.kubernetes.io/name: gitops-mesh
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "gitops-mesh.labels" -}}
{{ include "gitops-mesh.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
