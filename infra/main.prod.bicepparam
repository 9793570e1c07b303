// For use: always an instance ready, data that refuses to be deleted, background work in Service Bus.
using 'main.bicep'

param environment = 'prod'
param organization = readEnvironmentVariable('KONTEXT_ORGANIZATION')
param publicUrl = readEnvironmentVariable('KONTEXT_PUBLIC_URL', '')
param signIn = {
  issuer: readEnvironmentVariable('KONTEXT_SIGNIN_ISSUER')
  clientId: readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_ID')
  clientSecretName: 'sign-in-client-secret'
  administrators: readEnvironmentVariable('KONTEXT_ADMINISTRATORS', '')
}
param signInClientSecret = readEnvironmentVariable('KONTEXT_SIGNIN_CLIENT_SECRET', '')

param workQueue = 'servicebus'
param zoneRedundant = true
param lockData = true
param alwaysReadyInstances = 2
param maximumInstanceCount = 100

param auditRetentionDays = 400
param auditImmutableDays = 2555

param logRetentionDays = 90
param logDailyCapGb = -1
