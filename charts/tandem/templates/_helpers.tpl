{{- define "tandem.labels" -}}
app.kubernetes.io/name: tandem
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}
{{- define "tandem.selector" -}}
app.kubernetes.io/name: tandem
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- /* "true" where HPAs may be made, which need a metrics API; else nothing. */ -}}
{{- define "tandem.metricsApi" -}}
{{- if and (ne .Values.only "nodes") (or (eq .Values.eventscaler.mode "hpa") .Values.eventscaler.metricsApi.enabled) -}}
true
{{- end -}}
{{- end }}
